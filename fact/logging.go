package fact

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"uratori/finding"

	"uratori/evidence"
	"uratori/query"
)

// When logging was off. The facts exist where the playbook asks for it. What they find bounds
// every other answer of the case: see [view.ask].
var loggingDefs = []Def{
	{Key: "logging.off", Asked: true, Rule: loggingOff, Type: Table, Kind: Observed, JA: "ログの停止・縮小", EN: "when logging was off or narrowed", Says: "successful calls that stop or narrow a log, with the next call that sets it right again", Reads: loggingReads, Columns: []Column{
		{Name: "log", Type: Name, JA: "ログ", EN: "log", Enum: []string{"cloudtrail", "vpc_flow", "dns", "s3_access"}},
		{Name: "name", Type: Text, JA: "証跡など", EN: "trail or other"},
		{Name: "api", Type: Text, JA: "API", EN: "API"},
		{Name: "from", Type: Time, JA: "停止", EN: "off from"},
		{Name: "to", Type: Time, JA: "再開", EN: "on again"},
		{Name: "actor", Type: Text, JA: "実行者", EN: "actor"},
		{Name: "same_actor", Type: Name, JA: "同一主体", EN: "same actor", Enum: []string{"yes", "no"}},
		{Name: "effect", Type: Name, JA: "影響", EN: "effect", Enum: []string{"lost", "kept"}},
	}},
	{Key: "logging.unexplained", Asked: true, Rule: loggingUnexplained, Type: Int, Kind: Computed, JA: "説明のない停止・縮小", EN: "stretches that nobody explained", Says: "the same, unless the finding is about a change of a log and that change is confirmed"},
	{Key: "logging.off_count", Asked: true, Rule: loggingOffCount, Type: Int, Kind: Computed, JA: "記録の欠ける停止・縮小", EN: "stretches that nothing else recorded", Says: "stretches in which a log was off or narrowed and no other trail or history is known to have recorded"},
	{Key: "logging.off_from", Asked: true, Rule: loggingEdge(true), Type: Time, Kind: Computed, JA: "記録が欠け始めた日時", EN: "records are missing from", Says: "earliest beginning of those stretches"},
	{Key: "logging.off_to", Asked: true, Rule: loggingEdge(false), Type: Time, Kind: Computed, JA: "記録が再開した日時", EN: "records are missing until", Says: "latest end of those stretches, if each has one within what was looked at"},
	{Key: "logging.bounded", Asked: true, Rule: loggingBounded, Type: Int, Kind: Covering, JA: "件数が下限となる回答", EN: "answers that are lower bounds by it", Says: "questions about those logs whose window overlaps such a stretch, and whose answer is not whole"},
}

// What a record of a change of logging must tell.
var loggingReads = []string{"event_time", "api", "error_code", "trail_name", "bucket", "raw:requestParameters.eventSelectors", "raw:requestParameters.advancedEventSelectors", "raw:requestParameters.isMultiRegionTrail", "raw:requestParameters.BucketLoggingStatus.LoggingEnabled.TargetBucket"}

// loggingStateAPIs are the calls after which a log is off, narrowed or on again: AWS CloudTrail,
// Amazon EC2, Route 53 Resolver and Amazon S3 API References.
var loggingStateAPIs = []string{
	"StopLogging", "StartLogging", "DeleteTrail", "PutEventSelectors", "UpdateTrail",
	"DeleteFlowLogs", "DeleteResolverQueryLogConfig", "DisassociateResolverQueryLogConfig", "PutBucketLogging",
}

// loggingGap is the key of the gap that a stretch without logging leaves.
const loggingGap = "logging_off"

// trailKinds are the kinds of record that a trail writes.
var trailKinds = []string{query.KindManagement, query.KindS3Data, query.KindLambdaData, query.KindBedrockData}

// An outage is a stretch in which a log of the finding's account was off or narrowed.
type outage struct {
	log     string   // cloudtrail, vpc_flow, ...
	kinds   []string // of record, that are missing
	setting string   // what the call changed of the log: one is not set right by another
	name    string   // of the trail, the bucket; "" when the call names none
	api     string
	row     int
	from    time.Time
	to      time.Time // the end of what was looked at, if it was not set right before
	open    bool      // it was not
}

// outages reads the stretches out of the answer, in time order. It does not go by [view.ask],
// which rests on it.
func (v *view) outages() (t table, list []outage) {
	type read struct {
		t    table
		list []outage
	}
	got := memo(v, "outages", func() read {
		a, asked := v.set.AnswerFor("logging.off", "")
		if !asked || !a.Usable() {
			return read{}
		}
		t := newTable(a)
		var rows []int
		for i := range t.len() {
			if t.text(i, "error_code") == "" {
				rows = append(rows, i)
			}
		}
		slices.SortStableFunc(rows, func(a, b int) int { return t.time(a, "event_time").Compare(t.time(b, "event_time")) })
		var list []outage
		off := map[string]int{} // where the running stretch of a log stands in list
		for _, i := range rows {
			o := t.change(i)
			key := strings.Join([]string{o.log, o.setting, o.name}, " ")
			if at, running := off[key]; running {
				if slices.Equal(o.kinds, list[at].kinds) {
					continue // off already
				}
				list[at].to, list[at].open = o.from, false
				delete(off, key)
			}
			if len(o.kinds) > 0 {
				o.row, o.to, o.open = i, t.window().To, true
				off[key] = len(list)
				list = append(list, o)
			}
		}
		return read{t, list}
	})
	return got.t, got.list
}

// change is what one call did to a log: without kinds, it sets the log right.
func (t table) change(i int) outage {
	api := t.text(i, "api")
	o := outage{log: "cloudtrail", setting: "logging", api: api, from: t.time(i, "event_time")}
	name := t.text(i, "trail_name")
	o.name = name[strings.LastIndexByte(name, '/')+1:]
	switch api {
	case "StopLogging", "DeleteTrail":
		o.kinds = trailKinds
	case "UpdateTrail": // a trail of one Region leaves out the others
		o.setting = "update"
		switch t.text(i, "raw:requestParameters.isMultiRegionTrail") {
		case "false":
			o.setting, o.kinds = "regions", trailKinds
		case "true":
			o.setting = "regions"
		}
	case "PutEventSelectors":
		o.setting = "selectors"
		o.kinds = notSelected(t.text(i, "raw:requestParameters.eventSelectors"), t.text(i, "raw:requestParameters.advancedEventSelectors"))
	case "DeleteFlowLogs":
		o.log, o.kinds = "vpc_flow", []string{query.KindVPCFlow}
	case "DeleteResolverQueryLogConfig", "DisassociateResolverQueryLogConfig":
		o.log, o.kinds = "dns", []string{query.KindDNS}
	case "PutBucketLogging":
		o.log, o.name = "s3_access", t.text(i, "bucket")
		if t.text(i, "raw:requestParameters.BucketLoggingStatus.LoggingEnabled.TargetBucket") == "" {
			o.kinds = []string{query.KindS3Access}
		}
	}
	return o
}

// notSelected are the kinds of record that a trail does not write, or not all of, once these
// selectors are set (AWS CloudTrail API Reference, PutEventSelectors). What cannot be read
// selects nothing.
func notSelected(basic, advanced string) []string {
	var selectors []struct {
		ReadWriteType           string
		IncludeManagementEvents *bool
		DataResources           []struct {
			Type   string
			Values []string
		}
	}
	var fields []struct {
		FieldSelectors []struct {
			Field  string
			Equals []string
		}
	}
	has := map[string]bool{}
	if json.Unmarshal([]byte(basic), &selectors) == nil {
		for _, s := range selectors {
			if s.ReadWriteType != "" && s.ReadWriteType != "All" {
				continue
			}
			if s.IncludeManagementEvents == nil || *s.IncludeManagementEvents {
				has[query.KindManagement] = true
			}
			for _, r := range s.DataResources {
				for kind, all := range map[string][2]string{
					query.KindS3Data: {"AWS::S3::Object", "arn:aws:s3"}, query.KindLambdaData: {"AWS::Lambda::Function", "arn:aws:lambda"},
				} {
					if r.Type == all[0] && (slices.Contains(r.Values, all[1]) || slices.Contains(r.Values, all[1]+":::")) {
						has[kind] = true
					}
				}
			}
		}
	}
	if json.Unmarshal([]byte(advanced), &fields) == nil {
		for _, f := range fields {
			category, resource, narrowed := "", "", false
			for _, s := range f.FieldSelectors {
				switch s.Field {
				case "eventCategory":
					category = strings.Join(s.Equals, " ")
				case "resources.type":
					resource = strings.Join(s.Equals, " ")
				default:
					narrowed = true
				}
			}
			switch {
			case narrowed:
			case category == "Management":
				has[query.KindManagement] = true
			case resource == "AWS::S3::Object":
				has[query.KindS3Data] = true
			case resource == "AWS::Lambda::Function":
				has[query.KindLambdaData] = true
			case strings.HasPrefix(resource, "AWS::Bedrock::"):
				has[query.KindBedrockData] = true
			}
		}
	}
	var out []string
	for _, k := range trailKinds {
		if !has[k] {
			out = append(out, k)
		}
	}
	return out
}

// touches tells whether an answer is about what the outage hides.
func (o outage) touches(v *view, it evidence.Item) bool {
	return it.Kind == evidence.AnswerItem && slices.Contains(o.kinds, it.Scope.Kind) &&
		(it.Scope.Account == "" || it.Scope.Account == string(v.f.Account)) &&
		it.Ask.Window.From.Before(o.to) && it.Ask.Window.To.After(o.from)
}

// hides tells whether records may be missing from an answer although its source calls the scope
// collected: such a word rests on the records around the stretch, or on the configuration. A
// source that read the trails' own settings has counted the stop already; the event history
// cannot be stopped; and another trail that was logging wrote the same records.
func (o outage) hides(it evidence.Item) bool {
	for _, c := range it.Coverage {
		if c.State != evidence.Collected || !c.Window.From.Before(o.to) || !c.Window.To.After(o.from) {
			continue
		}
		if o.log == "cloudtrail" && (c.Why == evidence.WhyHistory || c.Why == evidence.WhySelectors ||
			slices.ContainsFunc(c.Trails, func(name string) bool { return name != o.name })) {
			continue
		}
		return true
	}
	return false
}

// dark tells whether an answer that its source calls whole overlaps a stretch without logging,
// and which calls say so.
func (v *view) dark(it evidence.Item) (from []Ref, ok bool) {
	t, list := v.outages()
	for _, o := range list {
		if o.touches(v, it) && o.hides(it) {
			from = append(from, t.row(o.row))
		}
	}
	return from, len(from) > 0
}

// bounded are the chosen answers of the case's questions that are about an outage's records and
// are not whole; asked tells whether any question is about them at all.
func (v *view) bounded(o outage) (list []evidence.Item, asked bool) {
	type question struct{ id, subject string }
	seen := map[question]bool{}
	for _, it := range v.set.Items() {
		q := question{it.Question, it.Subject}
		if it.Kind != evidence.AnswerItem || it.Answer.Outcome == evidence.NotAsked || seen[q] {
			continue
		}
		seen[q] = true
		a := evidence.Choose(v.set.Asked(it.Question, it.Subject))
		if !o.touches(v, a.Item) {
			continue
		}
		asked = true
		if !a.Exact || o.hides(a.Item) {
			list = append(list, a.Item)
		}
	}
	return list, asked
}

// lost tells whether records of an outage are missing: an answer about them is not whole, or the
// case has none by which anybody could tell.
func (v *view) lost(o outage) bool {
	list, asked := v.bounded(o)
	return !asked || len(list) > 0
}

func (v *view) lostOnes() (t table, list []outage) {
	t, all := v.outages()
	for _, o := range all {
		if v.lost(o) {
			list = append(list, o)
		}
	}
	return t, list
}

func loggingOff(v *view, _ string) result {
	t, why, ok := v.ask("logging.off", "")
	if !ok {
		return why
	}
	_, list := v.outages()
	val := Value{Type: Table}
	for _, o := range list {
		same, effect := "no", "kept"
		if v.loggingRow(t, o.row) {
			same = "yes"
		}
		if v.lost(o) {
			effect = "lost"
		}
		row := Row{NameOf(o.log), TextOf(o.name), TextOf(o.api), TimeOf(o.from), {}, TextOf(t.text(o.row, "user_arn")), NameOf(same), NameOf(effect)}
		if !o.open {
			row[4] = TimeOf(o.to)
		}
		val.Rows = append(val.Rows, row)
	}
	if len(val.Rows) == 0 {
		return t.empty()
	}
	return t.measured(val, true)
}

func loggingOffCount(v *view, _ string) result {
	t, why, ok := v.ask("logging.off", "")
	if !ok {
		return why
	}
	_, list := v.lostOnes()
	r := t.counted(int64(len(list)))
	for _, o := range list {
		r.from = append(r.from, t.row(o.row))
	}
	return r
}

func loggingEdge(first bool) func(*view, string) result {
	return func(v *view, _ string) result {
		t, why, ok := v.ask("logging.off", "")
		if !ok {
			return why
		}
		_, list := v.lostOnes()
		if len(list) == 0 {
			return t.empty()
		}
		from, to := list[0], list[0]
		for _, o := range list {
			if o.from.Before(from.from) {
				from = o
			}
			if o.open {
				to = o
				break
			}
			if o.to.After(to.to) {
				to = o
			}
		}
		if first {
			return known(TimeOf(from.from), t.row(from.row))
		}
		if to.open {
			return notApplicable(t.row(to.row))
		}
		return known(TimeOf(to.to), t.row(to.row))
	}
}

// loggingBounded counts the questions whose answer is not whole over such a stretch. It tells of
// the case's own answers and is exact.
func loggingBounded(v *view, _ string) result {
	t, why, ok := v.ask("logging.off", "")
	if !ok {
		return why
	}
	_, list := v.outages()
	refs := []Ref{t.ref()}
	for _, o := range list {
		bounded, _ := v.bounded(o)
		for _, it := range bounded {
			refs = append(refs, Ref(it.ID))
		}
	}
	refs = compactRefs(refs)
	n := len(refs) // the answer about logging itself stands first; it counts if it is bounded
	if own := slices.ContainsFunc(list, func(o outage) bool {
		bounded, _ := v.bounded(o)
		return slices.ContainsFunc(bounded, func(it evidence.Item) bool { return Ref(it.ID) == t.ref() })
	}); !own {
		n--
	}
	return known(IntOf(int64(n)), refs...)
}

// loggingUnexplained leaves nothing where the finding is about the very change that switched a log off,
// and somebody answers for it.
func loggingUnexplained(v *view, subject string) result {
	off := loggingOffCount(v, subject)
	if off.state != Known || off.value.Num == 0 || !slices.Contains(recordFamilies, finding.FamilyOf(v.f)) || !strings.HasPrefix(string(v.f.Type), "Stealth:") {
		return off
	}
	confirmed := changeConfirmed(v, "")
	if confirmed.state == Known && confirmed.value.Num == 1 {
		return known(IntOf(0), eachRef(append(slices.Clone(off.from), confirmed.from...))...)
	}
	return off
}
