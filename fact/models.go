package fact

import "slices"

var modelFamily = []string{"ai"}

// modelAPIs run a model of Amazon Bedrock, and are recorded as management events (Amazon
// Bedrock User Guide, "Monitor Amazon Bedrock API calls using CloudTrail").
var modelAPIs = []string{"Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream"}

// guardAPIs remove or weaken what watches models: invocation logging and guardrails.
var guardAPIs = []string{"DeleteGuardrail", "DeleteModelInvocationLoggingConfiguration", "UpdateGuardrail"}

// What was asked of models, and against what is usual.
var modelDefs = []Def{
	{Key: "ai.invocations", Families: modelFamily, Rule: modelCalls(func(call) bool { return true }), Type: Int, Kind: Computed, JA: "モデルの呼び出し", EN: "calls of models", Says: "InvokeModel and Converse by the credential, a day before and after"},
	{Key: "ai.invocations_failed", Families: modelFamily, Rule: modelCalls(func(c call) bool { return c.errorCode != "" }), Type: Int, Kind: Computed, JA: "失敗したモデルの呼び出し", EN: "calls of models that failed", Says: "those with an error code"},
	{Key: "ai.earlier_invocations", Families: modelFamily, Rule: modelEarlier, Type: Int, Kind: Computed, JA: "過去のモデルの呼び出し", EN: "earlier calls of models", Says: "InvokeModel and Converse by the same principal with other credentials, 30 days before the event"},
	{Key: "ai.guard_changes", Families: modelFamily, Rule: modelGuards, Type: Int, Kind: Computed, JA: "モデルの監視の変更", EN: "changes of what watches models", Says: "invocation logging deleted, guardrail deleted or updated, by anyone in the account, that succeeded"},
	{Key: "ai.guard_list", Families: modelFamily, Rule: modelGuardList, Type: Table, Kind: Observed, JA: "モデルの監視の変更と変更者", EN: "changes of what watches models, and who made them", Says: "those calls in time order, at most 40", Columns: []Column{
		{Name: "time", Type: Time, JA: "日時", EN: "time"},
		{Name: "api", Type: Text, JA: "API", EN: "API"},
		{Name: "actor", Type: Text, JA: "実行者", EN: "actor"},
	}},
}

func modelCalls(fits func(call) bool) func(*view, string) result {
	return func(v *view, _ string) result {
		return ofCalls(v, "credential", func(c calls) result {
			return c.count(func(k call) bool {
				return k.service == "bedrock.amazonaws.com" && slices.Contains(modelAPIs, k.api) && fits(k)
			})
		})
	}
}

func modelEarlier(v *view, _ string) result {
	t, why, ok := v.ask("ai.earlier_invocations", "")
	if !ok {
		return why
	}
	var n int64
	for i := range t.len() {
		n += t.int(i, "n")
	}
	return t.counted(n)
}

func modelGuards(v *view, _ string) result {
	t, why, ok := v.ask("ai.guard_changes", "")
	if !ok {
		return why
	}
	var n int64
	for i := range t.len() {
		if t.text(i, "error_code") == "" {
			n++
		}
	}
	return t.counted(n)
}

func modelGuardList(v *view, _ string) result {
	t, why, ok := v.ask("ai.guard_list", "")
	if !ok {
		return why
	}
	val := Value{Type: Table}
	for i := range t.len() {
		if t.text(i, "error_code") != "" {
			continue
		}
		if len(val.Rows) == timelineRows {
			val.More = true
			break
		}
		val.Rows = append(val.Rows, k8sRow(TimeOf(t.time(i, "event_time")), TextOf(t.text(i, "api")), TextOf(t.text(i, "user_arn"))))
	}
	if len(val.Rows) == 0 {
		return t.empty()
	}
	return t.measured(val, true)
}
