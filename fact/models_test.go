package fact

import (
	"strings"
	"testing"

	"uratori/evidence"
)

// Calls of models are counted apart from the rest, and set beside those of the month before.
func TestCallsOfModels(t *testing.T) {
	doc := strings.NewReplacer("Execution:Kubernetes/ExecInKubeSystemPod", "Impact:IAMUser/AnomalousModelInvocation", "USER", "x").Replace(clusterDoc)
	calls := answer("cloudtrail_management", "credential", evidence.Collected, []string{"activity.*"}, []string{"event_time", "api", "event_source", "error_code"},
		cells("2025-09-09T04:00:00Z", "InvokeModel", "bedrock.amazonaws.com", ""), cells("2025-09-09T04:01:00Z", "Converse", "bedrock.amazonaws.com", "AccessDenied"),
		cells("2025-09-09T04:02:00Z", "ListFoundationModels", "bedrock.amazonaws.com", ""), cells("2025-09-09T04:03:00Z", "InvokeModel", "example.amazonaws.com", ""))
	earlier := answer("cloudtrail_management", "", evidence.Collected, []string{"ai.earlier_invocations"}, []string{"api", "n"}, cells("InvokeModel", 3), cells("Converse", 4))
	guards := answer("cloudtrail_management", "", evidence.Collected, []string{"ai.guard_changes", "ai.guard_list"}, []string{"event_time", "api", "error_code", "user_arn"},
		cells("2025-09-09T03:00:00Z", "DeleteModelInvocationLoggingConfiguration", "", "arn:aws:iam::111122223333:user/batch"), cells("2025-09-09T03:01:00Z", "DeleteGuardrail", "AccessDenied", ""))
	hold(t, familyCase(t, doc, nil, calls, earlier, guards), map[Key]string{
		"ai.invocations": "2", "ai.invocations_failed": "1", "ai.earlier_invocations": "7", "ai.guard_changes": "1",
	})
	hold(t, familyCase(t, doc, nil, answer("cloudtrail_management", "", evidence.NotCollectedState, []string{"ai.earlier_invocations"}, []string{"api", "n"})), map[Key]string{
		"ai.earlier_invocations": "unknown: cloudtrail_management NotCollected",
	})
}
