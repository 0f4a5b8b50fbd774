package gateway

import "github.com/danielgtaylor/huma/v2"

// What the examples of the description name.
const (
	exampleFile       = "file-lw3zjxrg2k7q"
	exampleValidation = "file-3b05uri7qk2x"
	exampleJob        = "trainingjob-5ms9ja6hk2x0"
	exampleModel      = "model-5ms9ja6hk2x0"
)

// jobExamples are training requests.
var jobExamples = map[string]*huma.Example{
	"classification": {Summary: "The least that a request says.", Value: map[string]any{"task": "classification", "training_file": exampleFile, "validation_file": nil}},
	"segmentation": {Summary: "Segmentation needs the number of classes.", Value: map[string]any{
		"task": "segmentation", "training_file": exampleFile, "validation_file": exampleValidation,
		"hyperparameters": map[string]any{"num_classes": 7, "epochs": 20},
	}},
}

// inferenceExamples are requests for inference.
var inferenceExamples = map[string]*huma.Example{
	"one image": {Summary: "An image of 8 × 8 pixels in three bands.", Value: map[string]any{
		"model": exampleModel,
		"images": []any{map[string]any{
			"gsd": 28.5, "bands": []string{"blue", "green", "red"}, "pixels": [3][8][8]int{}, "point": []float64{-8, -34.9}, "timestamp": 1722451316,
		}},
	}},
}

// onward has for each call the calls that its answer leads to, with the field of the answer that names what they are about.
var onward = map[string][]struct{ parameter, field, operation string }{
	"uploadFile": {{"id", "id", "getFile"}, {"id", "id", "getFileContent"}, {"id", "id", "deleteFile"}},
	"getFile":    {{"id", "id", "getFileContent"}, {"id", "id", "deleteFile"}},
	"listFiles":  {{"after", "next", "listFiles"}},
	"createTrainingJob": {
		{"id", "id", "getTrainingJob"}, {"id", "id", "getTrainingJobProgress"}, {"id", "id", "listTrainingJobEvents"},
		{"id", "id", "getTrainingJobResults"}, {"id", "id", "cancelTrainingJob"},
	},
	"getTrainingJob":        {{"id", "trained_model", "getModel"}, {"id", "trained_model", "getModelContent"}, {"id", "id", "cancelTrainingJob"}},
	"listTrainingJobs":      {{"after", "next", "listTrainingJobs"}},
	"listTrainingJobEvents": {{"after", "next", "listTrainingJobEvents"}},
	"getModel":              {{"id", "id", "getModelContent"}, {"id", "id", "deleteModel"}},
}

// addLinks adds the links that lead on from the good answer of a call.
func addLinks(op *huma.Operation) {
	for _, to := range onward[op.OperationID] {
		answer := op.Responses["200"]
		if answer.Links == nil {
			answer.Links = map[string]*huma.Link{}
		}
		parameters := map[string]any{to.parameter: "$response.body#/" + to.field}
		if to.operation == op.OperationID && op.Path == jobPath+"/events" {
			parameters["id"] = "$request.path.id"
		}
		answer.Links[to.operation] = &huma.Link{OperationID: to.operation, Parameters: parameters}
	}
}
