package fact

import (
	"slices"
	"time"
)

var modelFamily = []string{"ai"}

// modelAPIs run a model of Amazon Bedrock. Which of them CloudTrail records as management and which
// as data events has differed (Amazon Bedrock User Guide, "Monitor Amazon Bedrock API calls using
// CloudTrail"), so both are asked.
var modelAPIs = []string{"Converse", "ConverseStream", "InvokeModel", "InvokeModelWithBidirectionalStream", "InvokeModelWithResponseStream", "StartAsyncInvoke"}

// modelService tells whether a service runs models.
func modelService(s string) bool {
	return s == "bedrock.amazonaws.com" || s == "bedrock-runtime.amazonaws.com"
}

// guardAPIs remove or weaken what watches models: invocation logging and guardrails.
var guardAPIs = []string{"DeleteGuardrail", "DeleteModelInvocationLoggingConfiguration", "UpdateGuardrail"}

// What was asked of models, and against what is usual.
var modelDefs = []Def{
	{Key: "ai.invocations", Families: modelFamily, Rule: modelCalls("n"), Type: Int, Kind: Computed, JA: "モデルの呼び出し", EN: "calls of models", Says: "calls of models by the credential, a day before and after: data events, and management events of the same APIs"},
	{Key: "ai.invocations_failed", Families: modelFamily, Rule: modelCalls("failed"), Type: Int, Kind: Computed, JA: "失敗したモデルの呼び出し", EN: "calls of models that failed", Says: "those with an error code"},
	{Key: "ai.earlier_invocations", Families: modelFamily, Rule: modelEarlier, Type: Int, Kind: Computed, JA: "過去のモデルの呼び出し", EN: "earlier calls of models", Says: "calls of models by the same principal with other credentials, 30 days before the event: data events, and management events of the same APIs"},
	{Key: "ai.models", Families: modelFamily, Rule: modelIDs("ai.invocations", "ai.invocations_recorded"), Type: Texts, Kind: Observed, JA: "呼び出されたモデル", EN: "models called", Says: "different modelId of those calls, at most 20"},
	{Key: "ai.earlier_models", Families: modelFamily, Rule: modelIDs("ai.earlier_invocations", "ai.earlier_recorded"), Type: Texts, Kind: Observed, JA: "過去に呼び出したモデル", EN: "models called before", Says: "different modelId of earlier calls, at most 20"},
	{Key: "ai.new_models", Families: modelFamily, Rule: newModels, Type: Int, Kind: Computed, JA: "初めて呼び出されたモデル", EN: "models never called before", Says: "models called now and not by the principal in the 30 days before"},
	{Key: "ai.busiest_day", Families: modelFamily, Rule: modelBusiest, Type: Int, Kind: Computed, JA: "過去の1日の最多呼び出し", EN: "most calls on an earlier day", Says: "by the principal, of the 30 days before, in the configured zone"},
	{Key: "ai.times_busiest", Families: modelFamily, Rule: modelTimes, Type: Int, Kind: Computed, JA: "過去の最多日に対する倍率", EN: "times the busiest day before", Says: "ai.invocations divided by ai.busiest_day, rounded down; without earlier calls there is none"},
	{Key: "ai.invocations_recorded", Families: modelFamily, Rule: ofTable("ai.invocations_recorded", func(_ *view, t table) result { n, _ := t.sum("n", every); return t.counted(n) }), Type: Int, Kind: Computed, JA: "管理イベントのモデル呼び出し", EN: "calls of models in management events", Says: "those that CloudTrail recorded as management events"},
	{Key: "ai.earlier_recorded", Families: modelFamily, Rule: ofTable("ai.earlier_recorded", func(_ *view, t table) result { n, _ := t.sum("n", every); return t.counted(n) }), Type: Int, Kind: Computed, JA: "管理イベントの過去のモデル呼び出し", EN: "earlier calls of models in management events", Says: "those that CloudTrail recorded as management events"},
	{Key: "ai.guard_changes", Families: modelFamily, Rule: modelGuards, Type: Int, Kind: Computed, JA: "呼び出しログ・ガードレールの変更", EN: "changes of what watches models", Says: "invocation logging deleted, guardrail deleted or updated, by anyone in the account, that succeeded"},
	{Key: "ai.guard_list", Families: modelFamily, Rule: modelGuardList, Type: Table, Kind: Observed, JA: "呼び出しログ・ガードレールの変更と実行者", EN: "changes of what watches models, and who made them", Says: "those calls in time order, at most 40", Columns: []Column{
		{Name: "time", Type: Time, JA: "日時", EN: "time"},
		{Name: "api", Type: Text, JA: "API", EN: "API"},
		{Name: "actor", Type: Text, JA: "実行者", EN: "actor"},
	}},
}

// The calls of models are recorded once each, as data events or as management events: both
// answers together are all of them. Where management events hold some, that is where this account's
// calls are, and what the data events do not tell is nothing missing.
func bothLogs(v *view, data, management Key, count func(t table) int64) result {
	d, whyNot, ok := v.ask(data, "")
	m, _, also := v.ask(management, "")
	if also && count(m) > 0 {
		r := m.counted(count(m))
		if ok {
			r.value.Num += count(d)
			r.from = append(r.from, d.ref())
		}
		return r
	}
	if !ok {
		return whyNot
	}
	return d.counted(count(d))
}

func modelCalls(col string) func(*view, string) result {
	return func(v *view, _ string) result {
		return bothLogs(v, "ai.invocations", "ai.invocations_recorded", func(t table) (n int64) {
			for i := range t.len() {
				if col == "n" || t.text(i, "error_code") != "" {
					n += t.int(i, "n")
				}
			}
			return n
		})
	}
}

func modelEarlier(v *view, _ string) result {
	return bothLogs(v, "ai.earlier_invocations", "ai.earlier_recorded", func(t table) int64 { n, _ := t.sum("n", every); return n })
}

const modelID = "raw:requestParameters.modelId"

func modelIDs(data, management Key) func(*view, string) result {
	return func(v *view, _ string) result {
		var list []string
		r := bothLogs(v, data, management, func(t table) (n int64) {
			for i := range t.len() {
				if id := t.text(i, modelID); id != "" {
					list, n = append(list, id), n+1
				}
			}
			return n
		})
		if list = slices.Compact(sortedCopy(list)); len(list) == 0 {
			if r.state == Known {
				r.state, r.value = NotApplicable, Value{}
			}
			return r
		}
		r.value = TextsOf(list[:min(20, len(list))], len(list) > 20)
		return r
	}
}

func newModels(v *view, _ string) result {
	now, before := modelIDs("ai.invocations", "ai.invocations_recorded")(v, ""), modelIDs("ai.earlier_invocations", "ai.earlier_recorded")(v, "")
	switch {
	case now.state == Unknown || now.state == NotApplicable:
		return now
	case before.state == Unknown || before.state == AtLeast:
		return result{state: Unknown, gap: before.gap, from: before.from, window: before.window}
	}
	var n int64
	for _, m := range now.value.List {
		if !slices.Contains(before.value.List, m) {
			n++
		}
	}
	r := now
	r.value = IntOf(n)
	r.from = append(r.from, before.from...)
	return r
}

func modelBusiest(v *view, _ string) result {
	days := map[string]int64{}
	r := bothLogs(v, "ai.earlier_invocations", "ai.earlier_recorded", func(t table) (n int64) {
		clear(days)
		for i := range t.len() {
			days[v.cal.Local(t.time(i, "quarter")).Format(time.DateOnly)] += t.int(i, "n")
		}
		for _, k := range days {
			n = max(n, k)
		}
		return n
	})
	r.from = append(r.from, settingsRef)
	return r
}

func modelTimes(v *view, _ string) result {
	now, most := modelCalls("n")(v, ""), modelBusiest(v, "")
	switch {
	case most.state == Known && most.value.Num == 0:
		return notApplicable(most.from...)
	case now.state == Unknown || most.state != Known: // more earlier calls may make it less
		hidden := most
		if most.state == Known {
			hidden = now
		}
		return result{state: Unknown, gap: hidden.gap, from: hidden.from, window: hidden.window}
	}
	now.value.Num /= most.value.Num
	now.from = append(now.from, most.from...)
	return now
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
