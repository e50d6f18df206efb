package fact

import (
	"strings"
	"testing"

	"uratori/evidence"
)

// Calls of models are counted apart from the rest, and set beside those of the month before.
func TestCallsOfModels(t *testing.T) {
	doc := strings.NewReplacer("Execution:Kubernetes/ExecInKubeSystemPod", "Impact:IAMUser/AnomalousModelInvocation", "USER", "x").Replace(clusterDoc)
	const id = "raw:requestParameters.modelId"
	calls := answer("bedrock_data", "", evidence.Collected, []string{"ai.invocations", "ai.models", "ai.new_models"}, []string{id, "error_code", "n"},
		cells("model-a", "", 300), cells("model-b", "AccessDenied", 100))
	managed := answer("cloudtrail_management", "", evidence.Collected, []string{"ai.invocations_recorded"}, []string{id, "error_code", "n"}, cells("model-b", "", 3))
	nothing := answer("cloudtrail_management", "", evidence.Collected, []string{"ai.invocations_recorded"}, []string{id, "error_code", "n"})
	earlier := answer("bedrock_data", "", evidence.Collected, []string{"ai.earlier_invocations", "ai.earlier_models", "ai.busiest_day"}, []string{id, "quarter", "n"},
		cells("model-a", "2025-09-01T04:00:00Z", 3), cells("model-a", "2025-09-01T05:00:00Z", 30), cells("model-a", "2025-09-03T05:00:00Z", 4))
	guards := answer("cloudtrail_management", "", evidence.Collected, []string{"ai.guard_changes", "ai.guard_list"}, []string{"event_time", "api", "error_code", "user_arn"},
		cells("2025-09-09T03:00:00Z", "DeleteModelInvocationLoggingConfiguration", "", "arn:aws:iam::111122223333:user/batch"), cells("2025-09-09T03:01:00Z", "DeleteGuardrail", "AccessDenied", ""))
	hold(t, familyCase(t, doc, nil, calls, nothing, earlier, guards), map[Key]string{
		"ai.invocations": "400", "ai.models": "model-a, model-b", "ai.new_models": "1",
		"ai.earlier_invocations": "37", "ai.busiest_day": "33", "ai.times_busiest": "12", "ai.guard_changes": "1",
	})
	// A call is recorded once: both logs together are all of them.
	hold(t, familyCase(t, doc, nil, calls, managed), map[Key]string{"ai.invocations": "403", "ai.invocations_recorded": "3"})
	// Where no data events are recorded, the management events are all there is to know, if they hold any.
	without := answer("bedrock_data", "", evidence.NotCollectedState, []string{"ai.invocations"}, []string{id, "error_code", "n"})
	hold(t, familyCase(t, doc, nil, without, managed), map[Key]string{"ai.invocations": "3"})
	hold(t, familyCase(t, doc, nil, without, nothing), map[Key]string{"ai.invocations": "unknown: bedrock_data NotCollected"})
}
