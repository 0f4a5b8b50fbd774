// Package claims checks that what the documents promise is held to by tests.
package claims

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// page is the one whose every line is to be a test.
const page = "docs/what-happens-when.md"

// tests are, for each line of the page by what it begins with, the tests that hold it.
var tests = map[string][]string{
	// … I look at the status
	"a job waits or runs":                         {"TestAJobPassesItsPhasesToAModel", "TestTheColumnsAreOfTheStatus"},
	"I resume a suspended job":                    {"TestASuspendedJobIsHeldInTheQueue", "TestSuspendingATrainingStopsItAndResumingGoesOn"},
	"I want to know how far it is":                {"TestProgressIsShownAtTheEndsOfEpochsAndNotTooOften", "TestWhatATrainerSaysStandsInTheStatus", "TestTheColumnsAreOfTheStatus"},
	"it has succeeded":                            {"TestAfterTheEndStandsWhatTheTrainerSaidAtTheEnd", "TestProgressIsShownAtTheEndsOfEpochsAndNotTooOften", "TestTheStagesOfAJob", "TestPlaceInTheQueueIsTold"},
	"its model is damaged or replaced in storage": {"TestADamagedModelIsNotHandedOut", "TestAWrongDownloadIsRefused", "TestAModelWithoutADigestIsHandedOut"},
	"something is odd about my files or my model": {"TestWarningsAreToldInTheStatusAndAsEvents", "TestWarningsOfFilesAndModelStandInTheStatus", "TestWatchShowsTheLossAndTheWarnings", "TestResultsAreATableOrTheFile"},
	"there are 1000 other jobs":                   {"TestAThousandCancelsAtRandomMoments", "TestANewJobIsNotTakenForAFinishedOne"},
	"a job is pending":                            {"TestWhatABlockedPodWaitsForIsSaid", "TestEveryWorldHasOnePhaseAndSaysWhatItWaitsFor"},
	"a stage was too short to be seen":            {"TestEachPhaseHasAnEventAlsoWhenItWasShorterThanALook"},
	// … something goes wrong
	"the file is broken, or not there":                                   {"TestBrokenFileFails", "TestMissingFileFails", "TestABrokenFileFailsTheJobWithTheTrainersSentence"},
	"the file is a GeoTIFF, an archive, a Git LFS pointer or a web page": {"TestAFileThatIsNotHDF5IsNamedForWhatItIs"},
	"values that stand for no data, other units or two scales are in the files": {"TestValuesThatMeanNothingAreWarnedOf", "TestValuesBeyondAllMeasuresAreRefused",
		"TestAValidationFileInOtherUnitsIsWarnedOf", "TestTwoScalesInOneFileAreWarnedOf", "TestSoundFilesAreNotWarnedOf"},
	"validation chips show what training chips show":                                {"TestValidationChipsThatAreKnownFromTrainingAreWarnedOf", "TestChipsOfOneKindAreNoCopies"},
	"I predict chips in other units, of another platform or ground sample distance": {"TestPredictingHeedsWhatTheModelWasTrainedOn", "TestInferenceWarnsOfWhatTheModelDoesNotKnow"},
	"the trainer fails":                                                      {"TestAFailureIsTriedAgainWithBackOffUntilTheLimit", "TestHowAStartEnds"},
	"it runs out of memory":                                                  {"TestHowAStartEnds"},
	"`spec.pod` asks for what cannot work":                                   {"TestTheAPITakesGoodJobsAndSaysWhatIsWrongWithOthers", "TestASpecPodThatCannotWorkFailsTheJobBeforeItPrepares", "TestAJobOfBeforeTheBoundsCanStillBeChanged"},
	"a quota refuses the Pod":                                                {"TestAQuotaThatRefusesThePodIsSaidAndWhenItIsRaisedTheJobGoesOn", "TestAQuotaThatRefusesForTooLongFailsTheJob"},
	"admission or a webhook refuses the Pod":                                 {"TestAnAdmissionThatRefusesThePodIsSaidAndTheJobGoesOnAfterwards", "TestASpecPodThatTheClusterRefusesIsMended"},
	"the image cannot be pulled":                                             {"TestAnImageThatCannotBePulledFailsTheJobInTime"},
	"a Secret, a ConfigMap or a volume is missing":                           {"TestWhatABlockedPodWaitsForIsSaid", "TestAMissingClaimIsNotWaitedForAsANodeIs"},
	"a sandbox fails, no node fits, a gate is closed":                        {"TestWhatABlockedPodWaitsForIsSaid", "TestAGatedTrainPodIsQueuedWithTheReason"},
	"storage refuses access, or its credentials expire in training":          {"TestCredentialsThatEndInTrainingAreRenewedByTheNextStart", "TestADenialAfterANewerCheckpointCostsNoRetry", "TestWhatNobodyCausedIsFreeOnlyOnceInARow"},
	"two starts of one job overlap":                                          {"TestCheckpointsThatDisappearAreListedAgain", "TestTheModelIsLookedForAgainOnceTheCheckpointsAreRead", "TestTrainersOfDifferentVersionsDoNotMixTheirParts"},
	"the Pod waits for an init container or sidecar that others put into it": {"TestAPodThatDoesNotStartSaysWhatItWaitsFor"},
	"the API server cannot make the Pod":                                     {"TestAnAPIServerThatCannotMakeAPodIsTold", "TestAnOperatorThatMayNotReadTheNamespaceSaysSo"},
	"the download fails again and again":                                     {"TestADownloadThatFailsAgainAndAgainMakesNoEndlessLoop"},
	"fetching and validating the files takes too long":                       {"TestAPreparationThatTakesTooLongFailsTheJob", "TestOnlyPreparingCountsForItsTimeLimit"},
	"the trainer ends well but its message is lost":                          {"TestHowAStartEnds", "TestALostMessageTwiceIsAFailure"},
	"the files are larger than the work directory":                           {"TestFilesLargerThanTheWorkDirectoryAreNotFetched", "TestADiskWithoutRoomIsTriedAgainAndALimitIsNot", "TestTheLimitOfEphemeralStorageIsToldOnlyWhereThereIsOne"},
	"an error is about an uploaded file":                                     {"TestErrorsNameTheFilesThatWereUploaded"},
	// … a program uses the HTTP API
	"a new job names a file that does not exist":              {"TestJobOnAFileThatDoesNotExistIsRefusedAtOnce", "TestJobIsMadeWhereStorageCannotBeAsked"},
	"a new job is for a namespace without storage of its own": {"TestStorageOfAnEarlierNamespaceIsNotHandedOut", "TestAJobOfANamespaceWithoutStorageIsRefusedAtOnce"},
	"an upload has two files":                                 {"TestBadUploadsAreRefused", "TestFieldsBesideTheFileAreAllowed"},
	"a parameter is empty or comes twice":                     {"TestEmptyAndRepeatedParametersAreRefused", "TestEmptyAndRepeatedHeadersAreRefused"},
	"a body is compressed":                                    {"TestCompressedBodiesAreNotSupported"},
	"an upload, a download or an answer takes minutes":        {"TestUploadThatKeepsUpThePaceMayTakeItsTime", "TestDownloadThatKeepsUpThePaceMayTakeItsTime", "TestTimeThatTheGatewayNeedsIsNotTheCallers", "TestTLSSpeaksHTTP2"},
	"I open `/` or `/docs` in a browser":                      {"TestPageDescribesEveryCallAndLoadsNothing"},
	// … Pods come and go
	"I set a time to live on a finished job":                     {"TestASpecThatChangesAfterTheEndIsObserved"},
	"someone deletes a Pod of a finished job":                    {"TestDeletingThePodsOfAFinishedJobMakesNoneAgain", "TestARestoredJobKeepsItsIDAndItsEnd"},
	"someone deletes the Pod of a running job":                   {"TestHowAStartEnds", "TestInterruptionsChangeNothing"},
	"a Pod is evicted or preempted, or its node drained":         {"TestBackOffBeginsAnewAfterANewerCheckpoint", "TestHowAStartEnds", "TestInterruptionsChangeNothing"},
	"a Pod is evicted for a limit of its own":                    {"TestHowAStartEnds"},
	"a person or a policy takes the operator's labels off a Pod": {"TestAPodThatAPersonTookTheLabelsOffGetsThemBack", "TestPodsThatAPolicyKeepsTheLabelsOffGetThem", "TestAPolicyThatKeepsTheLabelsOffForGoodIsSaid", "TestAJobIsNotCancelledWhileAPodWithoutLabelsTrains"},
	"a node is lost": {"TestAPodOfALostNodeCountsAsGoneAfterItsGracePeriod", "TestALostNodeIsNotChargedAsTraining"},
	"I delete a Pod by force (`--force`) on a node that does not answer": {"TestAForceDeletedPodOnASilentNodeIsWaitedFor", "TestATrainerWhosePodVanishedIsWaitedForAsOneOnALostNode"},
	"deleting a Pod fails":                              {"TestOneCallThatGoesWrongChangesNothingOfTheEnd"},
	"a train Pod is deleted before its result was read": {"TestAModelThatIsDoneWhileItIsSuspendedCounts", "TestOneCallThatGoesWrongChangesNothingOfTheEnd"},
	"the operator is killed at any moment":              {"TestOneCallThatGoesWrongChangesNothingOfTheEnd", "TestTheSecondReplicaTakesOverFromOneThatCrashed", "TestInterruptionsChangeNothing"},
	"I delete the TrainingJob":                          {"TestThePodOfADeletedJobIsNotHeld", "TestAJobThatIsBeingDeletedIsNotTriedAgain", "TestModelsOfJobsThatAreGoneStayAndThoseOfCancelledJobsNeverAppear", "TestAModelIsListedAndDownloadedOnceItsJobIsGone"},
	"a namespace is made again with an old name":        {"TestStorageOfAnEarlierNamespaceIsNotHandedOut", "TestStorageOfAnEarlierNamespaceIsRefused", "TestStorageBelongsToOneNamespace"},
	"I delete the namespace, or remove Swath":           {"TestANamespaceIsDeletedWhileAJobTrains", "TestANamespaceThatIsBeingDeletedIsNoError", "TestUndeployWhileAJobTrains"},
	// … I stop a job
	"I create a job suspended":              {"TestAJobThatIsCreatedSuspendedStartsNothing", "TestAJobThatIsCreatedSuspendedIsNotPrepared"},
	"I suspend a job while it prepares":     {"TestAJobThatIsSuspendedWhileItPreparesStopsAndPreparesAnew", "TestFilesThatWereValidWhenTheJobWasSuspendedStayValid"},
	"I set `cancel`":                        {"TestACancelledJobHasNoPodLeft", "TestCancelWhileTraining"},
	"I cancel while it is about to succeed": {"TestAnAcceptedCancelBeatsASuccess", "TestAThousandCancelsAtRandomMoments"},
	"`Cancelled` or `Suspended` is true":    {"TestACancelledJobHasNoPodLeft", "TestAnothersFinalizerThatHoldsAPodIsNamed", "TestSuspendingATrainingStopsItAndResumingGoesOn"},
	"a trainer is being stopped":            {"TestSuspendingATrainingStopsItAndResumingGoesOn", "TestEveryWorldHasOnePhaseAndSaysWhatItWaitsFor", "TestAnySequenceOfEventsComesToOneRightEnd"},
	"the deadline passes":                   {"TestTheDeadlineCountsTrainingOverAllStarts", "TestADeadlineInRealTime"},
	// … jobs queue
	"I want to know who is ahead of me":                                                   {"TestJobsQueueByPriorityAndAge", "TestPlaceBehindTheFirstTenIsShown", "TestPlaceInTheQueueIsTold"},
	"no node takes the job that has the slot":                                             {"TestASlotThatNoNodeCanServeGoesToTheNextJob"},
	"the API server does not answer whether it made the Pod of the job that has the slot": {"TestAJobWhosePodIsNeverAnsweredGivesItsSlotToTheNext", "TestAPodThatAppearsLateKeepsItsSlot"},
	"the trainer of the job that has the slot does not start for another cause: a closed gate, a sandbox that fails, a sidecar that never gets ready": {"TestASlotGoesOnWhateverKeepsATrainerFromStarting", "TestASlotIsPassedOnWhateverHoldsIt", "TestAJobThatCannotStartFailsThoughItsSlotGoesOn"},
	"there are limits of running jobs":                 {"TestJobsQueueByPriorityAndAge", "TestANamespaceAtItsLimitHoldsUpNoOther"},
	"Kueue is used":                                    {"TestKueueAndTheLimitsEachCountTheirOwn", "TestKueueGatesAreWaitedForAndDoNotCount"},
	"someone puts a label of Kueue on a Pod":           {"TestALabelOfKueueThatIsPutOnAPodFreesNoSlot", "TestTheTrainPodOfAQueueIsMadeGated"},
	"Kueue's default queue gates the prepare Pod, too": {"TestADefaultQueueThatGatesThePreparePodIsSaid"},
	// … I install and run it
	"I install": {"TestNothingThatIsInstalledStandsInTheWayOfOthers", "TestTheConfigurationsThatAreInstalledAreValid"},
	"I install the HTTP API without the operator":                                                       {"TestEachInstallationHasWhatItsPodsName"},
	"my cluster has network policies, and storage's credentials come from the cloud's metadata service": {"TestNetworkPoliciesOpenMetadataServicesOnlyWhereAsked"},
	"not everybody may see the metrics":                                                                 {"TestProtectedMetricsAreForThoseWithTheRole", "TestProtectedMetricsAreScrapedWithTheirToken", "TestMetricsAreOpenByDefault"},
	"the operator is down":                                                                              {"TestANewJobIsNotTakenForAFinishedOne", "TestAnAcceptedCancelBeatsASuccess"},
	"the CRD is older than the operator":                                                                {"TestAnOperatorOnAnOlderCRDTouchesNoPods", "TestAnOperatorOnAnOlderCRDGoesOnWhenItIsRenewed", "TestALossThatTheProgressShowsIsToldOnceAndEndsWithTheNewCRD", "TestAStatusThatIsReadKeepsNothingOfWhatItIsReadOver"},
	"I narrow `controller.namespaces`":                                                                  {"TestPodsOfNamespacesThatTheOperatorLeftAreNotHeld"},
	"the configuration has a mistake":                                                                   {"TestAConfigurationThatCannotWorkIsRefused"},
	"many jobs come at once":                                                                            {"TestInAFloodOnlyLastingPhasesAreTold", "TestEventsOfAFlood"},
	"`kubectl swath` has no service account in my namespace, or one without rights":                     {"TestTheCommandsOfTheHintGiveRightsToAServiceAccountOfItsOwn", "TestWhoeverHasGivenRightsToDefaultHearsHowToGoOn"},
	// … a pipeline applies my jobs
	"the pipeline applies the same manifest again":           {"TestApplyingTheSameManifestAgainChangesNothing"},
	"someone suspends or cancels a job that a pipeline owns": {"TestSamplesShowOnlyTheRequest"},
	"the TTL deletes the job":                                {"TestAJobGoesAtItsTimeToLive", "TestFinishedPodsAreKeptForATimeAndTheJobStays", "TestSamplesShowOnlyTheRequest"},
	"Argo CD shows the job as healthy at once":               {"TestArgoCDShowsTheHealthOfAJob", "TestANewJobIsNotTakenForAFinishedOne"},
	// … I use the model
	"the last epoch is done":                                  {"TestWhatIsDoneAfterTheLastEpochIsSaid", "TestTheLinearBaselineIsBoundedByPixels"},
	"the model is no better than a simple method":             {"TestAdviceFitsTheCause", "TestModelsThatSimpleMethodsBeatAreWarnedOf"},
	"someone has put escape sequences into names or messages": {"TestNoCommandPrintsEscapeSequencesOfOthers"},
	"a tenant puts something huge into its own storage":       {"TestNoModelTakesManyTimesItsSize", "TestNotesOfATenantItself", "TestPartsOfATenantItself", "TestAFolderOfManyEntriesIsListedWithFewAtATime"},
	"`ignoreLabel` is the number of a class":                  {"TestTheClassOfTheIgnoredLabelIsNeverAnswered", "TestTheClassOfTheIgnoredLabelIsNeverAnsweredInONNXRuntime"},
}

// Every line has its tests, they exist, and none is kept for a line that is gone.
func TestEveryLineIsHeldByTests(t *testing.T) {
	lines, known := lines(t), testFunctions(t)
	for _, line := range lines {
		if len(tests[line]) == 0 {
			t.Errorf("%s: the line %q has no test", page, line)
		}
	}
	for line, names := range tests {
		if !slices.Contains(lines, line) {
			t.Errorf("%s has no line %q", page, line)
		}
		for _, name := range names {
			if !known[name] {
				t.Errorf("%s: the line %q is to be held by %s, which is not there", page, line, name)
			}
		}
	}
}

// lines are the first cells of the page's tables.
func lines(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(data)) {
		cell, ok := strings.CutPrefix(line, "| ")
		if !ok || strings.HasPrefix(line, "| when |") {
			continue
		}
		cell, _, _ = strings.Cut(cell, " | ")
		found = append(found, cell)
	}
	if len(found) < 30 {
		t.Fatalf("%s has %d lines only", page, len(found))
	}
	return found
}

// testFunctions are the names of all tests of the repository.
func testFunctions(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && path != root || entry.Name() == "node_modules") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil {
				names[f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
