package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/storage"
)

// The IDs under which the Olinda files are uploaded.
const (
	classificationTrain      = "file-classification-train"
	classificationValidation = "file-classification-validation"
	segmentationTrain        = "file-segmentation-train"
	segmentationValidation   = "file-segmentation-validation"
)

// uploadOlinda puts the real scene into the namespace's storage.
func (k *cluster) uploadOlinda() {
	k.t.Helper()
	k.upload("olinda/landcover-classification-train.h5", classificationTrain)
	k.upload("olinda/landcover-classification-validation.h5", classificationValidation)
	k.upload("olinda/landcover-segmentation-train.h5", segmentationTrain)
	k.upload("olinda/landcover-segmentation-validation.h5", segmentationValidation)
}

func (k *cluster) classification(name string) *v1alpha1.TrainingJob {
	return &v1alpha1.TrainingJob{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: k.namespace},
		Spec: v1alpha1.TrainingJobSpec{
			Task:           v1alpha1.TaskClassification,
			TrainingFile:   classificationTrain,
			ValidationFile: ptr.To[v1alpha1.FileName](classificationValidation),
		},
	}
}

func (k *cluster) segmentation(name string, epochs int32) *v1alpha1.TrainingJob {
	job := &v1alpha1.TrainingJob{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: k.namespace},
		Spec: v1alpha1.TrainingJobSpec{
			Task:            v1alpha1.TaskSegmentation,
			TrainingFile:    segmentationTrain,
			ValidationFile:  ptr.To[v1alpha1.FileName](segmentationValidation),
			Hyperparameters: &v1alpha1.Hyperparameters{NumClasses: ptr.To[int32](3)},
		},
	}
	if epochs > 0 {
		job.Spec.Hyperparameters.Epochs = &epochs
	}
	return job
}

func (k *cluster) create(job *v1alpha1.TrainingJob) {
	k.t.Helper()
	if err := k.Create(k.t.Context(), job); err != nil {
		k.t.Fatalf("creating TrainingJob %s: %v", job.Name, err)
	}
}

// get reads the job; a server that does not answer for now is asked again.
func (k *cluster) get(name string) *v1alpha1.TrainingJob {
	k.t.Helper()
	job := &v1alpha1.TrainingJob{}
	eventually(k.t, "TrainingJob "+name+" can be read", func() (string, bool) {
		err := k.Get(k.t.Context(), client.ObjectKey{Namespace: k.namespace, Name: name}, job)
		return fmt.Sprint(err), err == nil
	})
	return job
}

// patchSpec merges a change into the job's spec, as `kubectl patch` does.
func (k *cluster) patchSpec(name, spec string) {
	k.t.Helper()
	job := &v1alpha1.TrainingJob{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: k.namespace}}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":`+spec+`}`))
	eventually(k.t, "the spec of "+name+" is patched", func() (string, bool) {
		err := k.Patch(k.t.Context(), job, patch)
		return fmt.Sprint(err), err == nil
	})
}

// waitFor waits until the job is as wanted and gives it. A job that ends
// otherwise will never be.
func (k *cluster) waitFor(name, what string, wanted func(*v1alpha1.TrainingJob) bool) *v1alpha1.TrainingJob {
	k.t.Helper()
	var job *v1alpha1.TrainingJob
	eventually(k.t, name+" is "+what, func() (string, bool) {
		job = k.get(name)
		ok := wanted(job)
		if !ok && job.Status.Phase.Finished() {
			k.t.Fatalf("%s is to be %s and is %s: %s", name, what, job.Status.Phase, asJSON(job.Status))
		}
		return asJSON(job.Status), ok
	})
	return job
}

func (k *cluster) waitForPhase(name string, phase v1alpha1.Phase) *v1alpha1.TrainingJob {
	k.t.Helper()
	return k.waitFor(name, string(phase), func(job *v1alpha1.TrainingJob) bool { return job.Status.Phase == phase })
}

// waitForEpochs waits until the job trains and has done some epochs.
func (k *cluster) waitForEpochs(name string, epochs int32) *v1alpha1.TrainingJob {
	k.t.Helper()
	return k.waitFor(name, fmt.Sprintf("at epoch %d", epochs), func(job *v1alpha1.TrainingJob) bool {
		return job.Status.Phase == v1alpha1.PhaseRunning && job.Status.Progress != nil && job.Status.Progress.Epoch >= epochs
	})
}

// podsOf lists the job's Pods.
func (k *cluster) podsOf(job *v1alpha1.TrainingJob) []corev1.Pod {
	k.t.Helper()
	pods := &corev1.PodList{}
	if err := k.List(k.t.Context(), pods, client.InNamespace(k.namespace)); err != nil {
		k.t.Fatalf("listing Pods: %v", err)
	}
	var owned []corev1.Pod
	for _, pod := range pods.Items {
		if metav1.IsControlledBy(&pod, job) {
			owned = append(owned, pod)
		}
	}
	return owned
}

// metrics are those of model.json that the tests judge by.
type metrics struct {
	Accuracy float64 `json:"accuracy"`
	MeanIoU  float64 `json:"meanIoU"`
}

// validationMetrics reads the metrics on the validation file from the stored model.
func (k *cluster) validationMetrics(model string) metrics {
	k.t.Helper()
	var manifest struct {
		Metrics struct {
			Validation metrics `json:"validation"`
		} `json:"metrics"`
	}
	if err := json.Unmarshal(k.modelPart(model, "model.json"), &manifest); err != nil {
		k.t.Fatalf("reading model.json of %s: %v", model, err)
	}
	return manifest.Metrics.Validation
}

// weights is the digest of the model itself.
func (k *cluster) weights(model string) string {
	k.t.Helper()
	sum := sha256.Sum256(k.modelPart(model, "model.onnx"))
	return hex.EncodeToString(sum[:])
}

func (k *cluster) modelPart(model, part string) []byte {
	k.t.Helper()
	store, err := storage.Open(k.t.Context(), "file://"+k.storage, k.namespace)
	if err != nil {
		k.t.Fatalf("opening the storage: %v", err)
	}
	defer store.Close()
	reader, err := store.OpenModelPart(k.t.Context(), model, part)
	if err != nil {
		k.t.Fatalf("reading the model: %v", err)
	}
	defer reader.Close()
	data, err := io.ReadAll(reader)
	if err != nil {
		k.t.Fatalf("reading the model: %v", err)
	}
	return data
}

func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}
