package fact

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/finding"
	"uratori/query"
)

var eventDefs = []Def{
	{Key: "event.recorded", Rule: eventRecorded, Type: Bool, Kind: Computed, JA: "検出された操作の記録", EN: "event recorded", Says: "a record with the API, principal and time of the finding stands in the logs"},
	{Key: "event.api", Rule: eventAPI, Type: Text, Kind: External, JA: "API", EN: "API", Says: "the finding, else its record"},
	{Key: "event.service", Rule: eventService, Type: Text, Kind: External, JA: "サービス", EN: "service", Says: "the finding, else its record"},
	{Key: "event.log", Rule: eventLog, Type: Name, Kind: Computed, JA: "検出された操作が記録されるログ", EN: "log that records it", Says: "object-level S3 and Lambda calls are data events, all else management events", Choices: []string{"cloudtrail_management", "s3_data", "lambda_data", "bedrock_data"}},
	{Key: "event.time", Rule: eventTime, Type: Time, Kind: External, JA: "発生日時", EN: "time", Says: "eventFirstSeen of the finding, else its creation"},
	{Key: "event.weekday", Rule: eventWeekday, Type: Weekday, Kind: Computed, JA: "曜日", EN: "weekday", Says: "weekday of event.time in the configured zone"},
	{Key: "event.hour_local", Rule: eventHour, Type: Hour, Kind: Computed, JA: "時刻帯", EN: "hour", Says: "hour of event.time in the configured zone"},
	{Key: "event.business_day", Rule: eventBusinessDay, Type: Bool, Kind: Context, JA: "営業日", EN: "business day", Says: "calendar of the configuration"},
	{Key: "event.business_hours", Rule: eventBusinessHours, Type: Bool, Kind: Context, JA: "営業時間", EN: "business hours", Says: "calendar of the configuration"},
	{Key: "event.holiday_name", Rule: eventHoliday, Type: Label, Kind: Context, JA: "祝日", EN: "holiday", Says: "calendar of the configuration"},
	{Key: "event.error_code", Rule: eventErrorCode, Type: Text, Kind: Observed, JA: "エラーコード", EN: "error code", Says: "the record, else the finding"},
	{Key: "event.succeeded", Rule: eventSucceeded, Type: Bool, Kind: Observed, JA: "操作の成否", EN: "succeeded", Says: "no error code"},
	{Key: "event.user_agent", Rule: eventUserAgent, Type: Text, Kind: Observed, JA: "ユーザーエージェント", EN: "user agent", Says: "the record, else the finding"},
	{Key: "event.user_agent_family", Rule: eventTool, Type: Text, Kind: Computed, JA: "ツール", EN: "tool", Says: "the product that names the program of the user agent"},
	{Key: "event.user_agent_version", Rule: eventToolVersion, Type: Text, Kind: Computed, JA: "ツールのバージョン", EN: "tool version", Says: "version of the product that names the program"},
	{Key: "event.source_ip", Rule: eventSourceIP, Type: IP, Kind: External, JA: "送信元IPアドレス", EN: "source IP address", Says: "the finding, else the record"},
	{Key: "event.source_country", Rule: fromSource(func(r finding.Remote) string { return r.Country }), Type: Text, Kind: External, JA: "送信元の国", EN: "source country", Says: "remoteIpDetails of the finding"},
	{Key: "event.source_city", Rule: fromSource(func(r finding.Remote) string { return r.City }), Type: Text, Kind: External, JA: "送信元の都市", EN: "source city", Says: "remoteIpDetails of the finding"},
	{Key: "event.source_asn", Rule: fromSource(func(r finding.Remote) string { return r.ASN }), Type: Text, Kind: External, JA: "送信元のASN", EN: "source ASN", Says: "remoteIpDetails of the finding"},
	{Key: "event.source_asn_org", Rule: fromSource(func(r finding.Remote) string { return r.ASNOrg }), Type: Text, Kind: External, JA: "送信元の事業者", EN: "source network", Says: "remoteIpDetails of the finding"},
	{Key: "event.known_network", Rule: eventKnownNetwork, Type: Text, Kind: Context, JA: "登録されたネットワーク", EN: "known network", Says: "configuration: networks"},
	{Key: "event.target_bucket", Rule: eventBucket, Type: Text, Kind: External, JA: "対象バケット", EN: "bucket", Says: "the finding"},
	{Key: "event.target_resource", Rule: eventTarget, Type: Text, Kind: External, JA: "対象リソース", EN: "target", Says: "the finding; of a finding on a credential, what the records of the event name"},
	{Key: "event.recorded_in", Rule: eventRecordedIn, Type: Name, Kind: Computed, JA: "検出された操作を記録したログ", EN: "log that holds its record", Says: "kind of record in which the event was found", Choices: []string{"cloudtrail_management", "s3_data", "lambda_data", "bedrock_data", "s3_access", "eks_audit"}},
}

// eventRows are the records of the finding's own event, the nearest to the finding's time first: the
// same call may have been made before and after, with another outcome or from elsewhere.
func (v *view) eventRows() (table, result, bool) {
	t, why, ok := v.ask("event.recorded", "")
	if at, told := v.at(); ok && told && t.len() > 1 {
		t = t.nearestFirst(at)
	}
	return t, why, ok
}

// nearestFirst is the table with the row first whose event_time is nearest to a time; the others keep
// their order.
func (t table) nearestFirst(at time.Time) table {
	best := 0
	for i := range t.len() {
		if t.time(i, "event_time").Sub(at).Abs() < t.time(best, "event_time").Sub(at).Abs() {
			best = i
		}
	}
	order := []int{best}
	rows := []evidence.Row{t.Item.Answer.Rows[best]}
	for i, r := range t.Item.Answer.Rows {
		if i != best {
			order, rows = append(order, i), append(rows, r)
		}
	}
	t.Item.Answer.Rows, t.kept = rows, order
	return t
}

func eventRecorded(v *view, _ string) result {
	if v.f.Sequence != nil {
		return sequenceRecorded(v)
	}
	if v.machine() {
		return machineRecorded(v)
	}
	if finding.FamilyOf(v.f) == "malware_s3" && testFileOnly(v, "").value.Num == 1 {
		r := known(BoolOf(true), findingRef)
		r.rule = "the scan saw the test file: the finding is the record"
		return r
	}
	t, why, ok := v.eventRows()
	if !ok {
		// A custom detection rule's event is found by the rule's own condition where the finding names nobody.
		if n := v.matched(); why.gap.Outcome == evidence.NotAsked && n.state == Known && n.value.Num == 1 {
			return n
		}
		return why
	}
	return t.has(t.len() > 0)
}

// eventRecordedIn is the log in which the event was found. What is no call, and what a sequence's
// signals show, is told of elsewhere.
func eventRecordedIn(v *view, _ string) result {
	if v.machine() || v.f.Sequence != nil {
		return notApplicable(findingRef)
	}
	t, why, ok := v.eventRows()
	switch {
	case !ok:
		return why
	case t.len() == 0:
		return t.empty()
	}
	kind := firstText(t.Item.Scope.Kind, string(t.Item.Ask.Dataset))
	if !slices.Contains(choices("event.recorded_in"), kind) {
		return unknown("finding", t.ref())
	}
	return known(NameOf(kind), t.row(0))
}

// primary is the API that the finding is about: of its action, else of its anomaly block.
func (v *view) primary() (service, api, outcome string) {
	if a := v.f.Action; a.API != "" {
		return a.Service, a.API, a.ErrorCode
	}
	if list := v.f.Anomaly.APIs; len(list) > 0 {
		outcome = list[0].Result
		if outcome == "success" {
			outcome = ""
		}
		return list[0].Service, list[0].API, outcome
	}
	return "", "", ""
}

func eventAPI(v *view, _ string) result {
	if v.ofCluster() {
		return told(v.request().api())
	}
	if _, api, _ := v.primary(); api != "" {
		return told(api)
	}
	return ofUpload(v, "api")
}

func eventService(v *view, _ string) result {
	if v.ofCluster() { // a cluster is no service of AWS's own API
		return notApplicable(findingRef)
	}
	if service, _, _ := v.primary(); service != "" {
		return told(service)
	}
	return ofUpload(v, "event_source")
}

// ofUpload is a column of the record that put a scanned object there: a scan names no call.
func ofUpload(v *view, col string) result {
	if t, why, ok := v.eventRows(); finding.FamilyOf(v.f) == "malware_s3" {
		switch {
		case !ok:
			return why
		case t.len() > 0 && t.text(0, col) != "":
			return known(TextOf(t.text(0, col)), t.row(0))
		}
		return t.empty()
	}
	return v.untold()
}

// eventLog tells which kind of record holds the event. Object-level S3 calls and
// Lambda's Invoke are data events: CloudTrail User Guide, "Logging data events".
func eventLog(v *view, _ string) result {
	service, api, _ := v.primary()
	switch {
	case finding.FamilyOf(v.f) == "malware_s3":
		r := known(NameOf("s3_data"), findingRef)
		r.rule = "a scan names no call: the upload of the object is a data event"
		return r
	case v.ofCluster():
		return notApplicable(findingRef)
	case api == "" && service == "":
		return v.untold()
	case service == "s3.amazonaws.com" && slices.Contains(objectAPIs, api):
		return known(NameOf("s3_data"), findingRef)
	case service == "lambda.amazonaws.com" && strings.HasPrefix(api, "Invoke"):
		return known(NameOf("lambda_data"), findingRef)
	case modelService(service) && slices.Contains(modelAPIs, api):
		r := known(NameOf("bedrock_data"), findingRef)
		r.rule = "calls of models are data events; management events are asked as well"
		return r
	}
	return known(NameOf("cloudtrail_management"), findingRef)
}

// objectAPIs are the object-level calls of Amazon S3 that CloudTrail records as data
// events (Amazon S3 User Guide, "Amazon S3 object-level actions tracked by CloudTrail logging").
var objectAPIs = []string{
	"AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload",
	"DeleteObject", "DeleteObjectTagging", "DeleteObjects", "GetObject", "GetObjectAcl",
	"GetObjectAttributes", "GetObjectLegalHold", "GetObjectRetention", "GetObjectTagging",
	"GetObjectTorrent", "HeadBucket", "HeadObject", "ListMultipartUploads", "ListObjectVersions",
	"ListObjects", "ListObjectsV2", "ListParts", "PutObject", "PutObjectAcl",
	"PutObjectLegalHold", "PutObjectRetention", "PutObjectTagging", "RestoreObject",
	"SelectObjectContent", "UploadPart", "UploadPartCopy",
}

// at is the time of the event: the first occurrence the finding speaks of.
func (v *view) at() (time.Time, bool) {
	if !v.f.FirstSeen.IsZero() {
		return v.f.FirstSeen, true
	}
	return v.f.Created, !v.f.Created.IsZero()
}

func eventTime(v *view, _ string) result {
	at, _ := v.at()
	return toldTime(at)
}

// onCalendar is a rule over the time of the event in the configured calendar.
func onCalendar(v *view, get func(time.Time) Value) result {
	at, ok := v.at()
	if !ok {
		return unknown("finding", findingRef)
	}
	return known(get(at), findingRef, settingsRef)
}

// onWorking is a rule over the time of the event in the calendar of whoever acted.
func onWorking(v *view, get func(time.Time, working) Value) result {
	at, ok := v.at()
	if !ok {
		return unknown("finding", findingRef)
	}
	w := v.working()
	return known(get(at, w), append([]Ref{findingRef}, w.from...)...)
}

func eventWeekday(v *view, _ string) result {
	return onCalendar(v, func(t time.Time) Value { return Value{Type: Weekday, Num: int64(v.cal.Weekday(t))} })
}

func eventHour(v *view, _ string) result {
	return onCalendar(v, func(t time.Time) Value { return Value{Type: Hour, Num: int64(v.cal.Hour(t))} })
}

func eventBusinessDay(v *view, _ string) result {
	return onWorking(v, func(t time.Time, w working) Value { return BoolOf(w.BusinessDay(t)) })
}

func eventBusinessHours(v *view, _ string) result {
	return onWorking(v, func(t time.Time, w working) Value { return BoolOf(w.BusinessHours(t)) })
}

func eventHoliday(v *view, _ string) result {
	at, ok := v.at()
	if !ok {
		return unknown("finding", findingRef)
	}
	w := v.working()
	refs := append([]Ref{findingRef}, w.from...)
	h, ok := w.Holiday(at)
	if !ok {
		return notApplicable(refs...)
	}
	return known(Value{Type: Label, Str: h.NameEN, JA: h.NameJA}, refs...)
}

func eventErrorCode(v *view, _ string) result {
	if t, _, ok := v.eventRows(); ok && t.len() > 0 {
		if code := t.text(0, "error_code"); code != "" {
			return known(TextOf(code), t.row(0))
		}
		if status := t.int(0, "status"); status >= 400 { // of a Kubernetes request
			return known(TextOf("HTTP "+strconv.FormatInt(status, 10)), t.row(0))
		}
		return notApplicable(t.row(0))
	}
	if _, api, code := v.primary(); code != "" {
		return known(TextOf(code), findingRef)
	} else if api == "" {
		return v.untold()
	}
	return notApplicable(findingRef)
}

// untold is what the finding does not tell of its call: of a machine, and of a sequence, which
// consists of several, there is none to tell of.
func (v *view) untold() result {
	if v.machine() || v.f.Sequence != nil {
		return notApplicable(findingRef)
	}
	return unknown("finding", findingRef)
}

// eventSucceeded takes the record's word; without a record the finding's: GuardDuty names
// an error code when the call it speaks of failed.
func eventSucceeded(v *view, subject string) result {
	if v.machine() || v.f.Sequence != nil {
		return notApplicable(findingRef) // no call was made that could fail, or several were
	}
	r := eventErrorCode(v, subject)
	switch r.state {
	case Known:
		return known(BoolOf(false), r.from...)
	case NotApplicable:
		return known(BoolOf(true), r.from...)
	case Unknown, AtLeast:
	}
	return r
}

// userAgent is the record's user agent, else the finding's.
func (v *view) userAgent() (string, Ref) {
	if t, _, ok := v.eventRows(); ok && t.len() > 0 {
		if ua := t.text(0, "user_agent"); ua != "" {
			return ua, t.row(0)
		}
	}
	return v.f.UserAgent, findingRef
}

func eventUserAgent(v *view, _ string) result {
	ua, ref := v.userAgent()
	if ua == "" {
		return v.untold()
	}
	return known(TextOf(ua), ref)
}

func eventTool(v *view, _ string) result {
	ua, ref := v.userAgent()
	name, _ := Tool(ua)
	if name == "" {
		return v.untold()
	}
	return known(TextOf(name), ref)
}

func eventToolVersion(v *view, _ string) result {
	ua, ref := v.userAgent()
	_, version := Tool(ua)
	if version == "" {
		return v.untold()
	}
	return known(TextOf(version), ref)
}

// plain tells whether a product name or version is made of the characters that clients use.
func plain(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-._+#", r):
		default:
			return false
		}
	}
	return true
}

func eventSourceIP(v *view, _ string) result {
	if v.outward() {
		return notApplicable(findingRef)
	}
	if ip := v.f.Action.Remote.IP; ip.IsValid() {
		return known(IPOf(ip.String()), findingRef)
	}
	if t, _, ok := v.eventRows(); ok && t.len() > 0 {
		if ip := t.cell(0, "source_ip"); ip.Type() == query.IP {
			return known(IPOf(ip.Text()), t.row(0))
		}
	}
	if v.f.Sequence != nil { // of several addresses none is the source
		return unknown("finding", findingRef)
	}
	return v.untold()
}

func eventKnownNetwork(v *view, _ string) result {
	r := eventSourceIP(v, "")
	if r.state != Known {
		return r
	}
	ip, err := netip.ParseAddr(r.value.Str)
	if err != nil {
		return unknown("finding", r.from...)
	}
	for _, n := range v.st.Networks {
		if p, err := netip.ParsePrefix(n.CIDR); err == nil && p.Contains(ip) {
			return known(TextOf(n.Name), append(r.from, settingsRef)...)
		}
	}
	return notApplicable(append(r.from, settingsRef)...)
}

func (v *view) bucket() string {
	if len(v.f.Resource.Buckets) > 0 {
		return v.f.Resource.Buckets[0].Name
	}
	return v.f.Action.Affected["AWS::S3::Bucket"]
}

func eventBucket(v *view, _ string) result {
	if b := v.bucket(); b != "" {
		return known(TextOf(b), findingRef)
	}
	if finding.FamilyOf(v.f) == "s3" {
		return unknown("finding", findingRef)
	}
	return notApplicable(findingRef)
}

func eventTarget(v *view, _ string) result {
	if b := v.bucket(); b != "" {
		return known(TextOf(b), findingRef)
	}
	for _, k := range slices.Sorted(maps.Keys(v.f.Action.Affected)) {
		return known(TextOf(v.f.Action.Affected[k]), findingRef)
	}
	if v.f.Resource.Type != "AccessKey" {
		return told(v.f.Resource.Name)
	}
	if finding.FamilyOf(v.f) == "cdr" {
		if r := changeTarget(v, ""); r.state == Known {
			return r
		}
	}
	return v.recordedTarget()
}

// recordedTarget is what the records of the event name as acted on. A finding on a credential names
// the principal as its resource, which is who called and not what the call was made on.
func (v *view) recordedTarget() result {
	t, why, ok := v.eventRows()
	if !ok {
		return why
	}
	var list []string
	var refs []Ref
	for i := range t.len() {
		list = append(list, target(t, i))
		refs = append(refs, t.row(i))
	}
	if list = slices.Compact(list); len(list) != 1 || list[0] == "" {
		return notApplicable(compactRefs(refs)...) // it names none, or one in each record
	}
	return known(TextOf(list[0]), compactRefs(refs)...)
}
