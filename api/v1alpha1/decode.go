package v1alpha1

import (
	"encoding/json"
	"fmt"
)

// UnmarshalJSON reads the status as it is in data. A status that is read over another,
// as the answer to a write is, keeps nothing of that one: what the API server has
// dropped is seen to be gone.
func (s *TrainingJobStatus) UnmarshalJSON(data []byte) error {
	type plain TrainingJobStatus
	var read plain
	if err := json.Unmarshal(data, &read); err != nil {
		return fmt.Errorf("reading the status of a TrainingJob: %w", err)
	}
	*s = TrainingJobStatus(read)
	return nil
}
