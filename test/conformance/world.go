package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/storage"
)

const (
	audience  = "swath"
	namespace = "demo"
	account   = "trainer"
	// job is the one that the examples of the description name.
	job = "trainingjob-5ms9ja6hk2x0"
	// resultsName is what the trainer calls the results file.
	resultsName = "results.csv"
)

// world is what there is: a tenant with files, a job and its model.
type world struct {
	root, folder, storage string
	config                *rest.Config
	kube                  kubernetes.Interface
	admin                 client.Client
	token                 string
}

// fill makes all that the examples of the description name.
func (w *world) fill(ctx context.Context) error {
	if err := w.makeTenant(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(w.folder, "storage"), 0o700); err != nil {
		return err
	}
	store, err := storage.Open(ctx, w.storage, namespace)
	if err != nil {
		return err
	}
	defer store.Close()
	data := filepath.Join(w.root, "test", "testdata", "olinda", "landcover-classification-")
	for id, path := range map[string]string{"file-lw3zjxrg2k7q": data + "train.h5", "file-3b05uri7qk2x": data + "validation.h5"} {
		if err := put(ctx, store, id, path); err != nil {
			return err
		}
	}
	return w.makeModel(ctx, store, data+"train.h5")
}

func (w *world) makeTenant(ctx context.Context) error {
	subject := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Name: account, Namespace: namespace}
	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: account, Namespace: namespace}},
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "jobs", Namespace: namespace}, Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{v1alpha1.GroupName}, Resources: []string{"trainingjobs"}, Verbs: []string{"*"},
		}}},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "jobs", Namespace: namespace}, Subjects: []rbacv1.Subject{subject},
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "jobs"},
		},
	} {
		if err := w.admin.Create(ctx, object); err != nil {
			return fmt.Errorf("making the tenant: %w", err)
		}
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}}}
	answer, err := w.kube.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, account, request, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("asking for a token: %w", err)
	}
	w.token = answer.Status.Token
	return nil
}

// put stores a file under an ID.
func put(ctx context.Context, store *storage.Store, id, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = store.PutFile(ctx, id, filepath.Base(path), file, time.Now())
	return err
}

// makeModel trains a model, stores it, and records the job that trained it.
func (w *world) makeModel(ctx context.Context, store *storage.Store, file string) error {
	output := filepath.Join(w.folder, "model")
	train := exec.CommandContext(ctx, "go", "run", "./cmd/trainer", "train", "--task", "classification", "--epochs", "1", "--training-file", file, "--output", output)
	train.Dir = w.root
	if printed, err := train.CombinedOutput(); err != nil {
		return fmt.Errorf("training: %w\n%s", err, printed)
	}
	entries, err := os.ReadDir(output)
	if err != nil {
		return err
	}
	var parts []storage.Part
	var manifest []byte
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(output, entry.Name()))
		if err != nil {
			return err
		}
		switch entry.Name() {
		case storage.ManifestName:
			manifest = content
		case resultsName: // A stage stores it as a file.
		default:
			parts = append(parts, storage.Part{Name: entry.Name(), Content: content})
		}
	}
	if _, err := store.CommitModel(ctx, contract.ModelID(job), parts, manifest); err != nil {
		return err
	}
	if err := put(ctx, store, contract.ResultsFileID(job), filepath.Join(output, resultsName)); err != nil {
		return err
	}
	return w.recordJob(ctx)
}

// recordJob makes a job and records its success, as the operator does.
func (w *world) recordJob(ctx context.Context) error {
	made := &v1alpha1.TrainingJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "example"},
		Spec:       v1alpha1.TrainingJobSpec{Task: v1alpha1.TaskClassification, TrainingFile: "file-lw3zjxrg2k7q"},
	}
	if err := w.admin.Create(ctx, made); err != nil {
		return fmt.Errorf("making a job: %w", err)
	}
	now := metav1.Now()
	made.Status.ID, made.Status.Phase, made.Status.ObservedGeneration, made.Status.FinishedAt = job, v1alpha1.PhaseSucceeded, made.Generation, &now
	made.Status.TrainedModel, made.Status.ResultsFile = contract.ModelID(job), contract.ResultsFileID(job)
	if err := w.admin.Status().Update(ctx, made); err != nil {
		return fmt.Errorf("recording a job's success: %w", err)
	}
	return nil
}
