package fact

import (
	"slices"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/finding"
)

var chainDefs = []Def{
	{Key: "chain.signin", Rule: chainLink("signin"), Type: Name, Kind: Computed, JA: "サインイン", EN: "sign-in", Says: "a successful sign-in of the person within 12 hours before the session", Choices: []string{"confirmed", "unconfirmed", "contradicted", "not_collected", "not_applicable"}},
	{Key: "chain.identity_center", Rule: chainLink("identity_center"), Type: Name, Kind: Computed, JA: "IAM Identity Center", EN: "IAM Identity Center", Says: "GetRoleCredentials of the same user for this account and role within 5 minutes of the session", Choices: []string{"confirmed", "unconfirmed", "contradicted", "not_collected", "not_applicable"}},
	{Key: "chain.assume_role", Rule: chainLink("assume_role"), Type: Name, Kind: Computed, JA: "ロール引き受け", EN: "role assumption", Says: "AssumeRole* that created the session: same role, session name and second", Choices: []string{"confirmed", "unconfirmed", "contradicted", "not_collected", "not_applicable"}},
	{Key: "chain.call", Rule: chainLink("call"), Type: Name, Kind: Computed, JA: "操作", EN: "call", Says: "the record of the finding's own event", Choices: []string{"confirmed", "unconfirmed", "contradicted", "not_collected", "not_applicable"}},
	{Key: "chain.links", Rule: chainLinks, Type: Table, Kind: Computed, JA: "認証チェーン", EN: "authentication chain", Says: "each link with its state", Columns: []Column{
		{Name: "link", Type: Name, JA: "段階", EN: "link", Enum: []string{"signin", "identity_center", "assume_role", "call"}},
		{Name: "state", Type: Name, JA: "状態", EN: "state", Enum: []string{"confirmed", "unconfirmed", "contradicted", "not_collected", "not_applicable"}},
		{Name: "time", Type: Time, JA: "日時", EN: "time"},
		{Name: "source_ip", Type: Text, JA: "送信元", EN: "source"},
		{Name: "detail", Type: Text, JA: "内容", EN: "detail"},
	}},
	{Key: "chain.complete", Rule: chainComplete, Type: Bool, Kind: Computed, JA: "認証チェーンの完結", EN: "chain complete", Says: "the call and the role assumption confirmed, no link contradicted or unconfirmed"},
	{Key: "chain.missing", Rule: chainMissing, Type: Texts, Kind: Computed, JA: "収集されていない段階", EN: "links not collected", Says: "links in state not_collected"},
}

// A chainStep is one link of the way from the person's sign-in to the call.
type chainStep struct {
	state  string
	at     time.Time
	source string
	detail string
	from   []Ref
	gap    Gap // of a log that did not answer
}

// signInLead is how long before a session its sign-in may lie: the longest lifetime of an
// access portal session that AWS sets by default is 8 hours, a role session at most 12
// (IAM Identity Center User Guide, "Configure the session duration").
const signInLead = 12 * time.Hour

// chain reads the links. For principals that no person signs in for, the earlier links do
// not arise.
func (v *view) chain() map[string]chainStep {
	return memo(v, "chain", func() map[string]chainStep {
		na := chainStep{state: "not_applicable"}
		links := map[string]chainStep{"signin": na, "identity_center": na, "assume_role": na, "call": v.callLink()}
		if v.role() == "" {
			return links
		}
		links["assume_role"] = v.assumeLink()
		if v.isSSO() {
			links["identity_center"] = v.portalLink()
			links["signin"] = v.signinLink()
		}
		return links
	})
}

func (v *view) callLink() chainStep {
	if v.f.Sequence != nil {
		return v.signalLink()
	}
	t, why, ok := v.eventRows()
	if !ok {
		return v.notSeen("event.recorded", why)
	}
	if t.len() == 0 {
		return chainStep{state: "unconfirmed", from: []Ref{t.ref()}}
	}
	if bestEffort(t.Answered) {
		return v.accessLink(t)
	}
	if who := v.f.Resource.AccessKey.PrincipalID; who != "" && t.text(0, "principal_id") != "" && t.text(0, "principal_id") != who {
		// The credential was used, and by another principal than the finding names.
		return chainStep{state: "contradicted", at: t.time(0, "event_time"), source: t.cell(0, "source_ip").String(), detail: t.text(0, "user_arn"), from: []Ref{findingRef, t.row(0)}}
	}
	return chainStep{
		state: "confirmed", at: t.time(0, "event_time"), source: t.cell(0, "source_ip").String(),
		detail: t.text(0, "api"), from: []Ref{t.row(0)},
	}
}

// signalLink is the call of a sequence: the first of its signals that a log shows by the credential
// of one of its actors. A sequence without such signals asks for no record of a call.
func (v *view) signalLink() chainStep {
	step := chainStep{state: "not_applicable"}
	for _, s := range v.signals() {
		held := slices.ContainsFunc(v.actorsOf(s.Signal), func(a finding.SequenceActor) bool { return a.CredentialID != "" })
		if !held || s.key == "" {
			continue
		}
		switch s.state {
		case "confirmed":
			return chainStep{state: "confirmed", at: s.at, source: s.source, detail: s.Name, from: s.from}
		case "hidden":
			hidden := v.notSeen(s.key, result{gap: s.gap, from: s.from})
			if step.state == "not_applicable" || hidden.state == "unconfirmed" {
				step = hidden
			}
		case "not_found", "not_checked":
			step = chainStep{state: "unconfirmed", from: s.from}
		}
	}
	return step
}

// accessLink is the call as a server access log has it. That log names the role and the session's
// name, and no credential: another session may bear the same name. The link is confirmed where the
// credential's own management calls came from the same address.
func (v *view) accessLink(t table) chainStep {
	s := chainStep{
		state: "unconfirmed", at: t.time(0, "event_time"), source: t.cell(0, "source_ip").String(),
		detail: t.text(0, "operation"), from: []Ref{t.row(0)},
	}
	c, _, ok := v.calls("credential")
	if !ok {
		return s
	}
	for _, k := range c.rows {
		if k.sourceIP != "" && k.sourceIP == s.source {
			s.state, s.from = "confirmed", append(s.from, c.t.row(k.row))
			break
		}
	}
	return s
}

// notSeen is a link whose log could not be looked at. Where a place did not answer that may hold the
// link, that nobody collects the log is said only if another place told so.
func (v *view) notSeen(key Key, why result) chainStep {
	state := "not_collected"
	if unanswered(why.gap.Outcome) && !v.nobodyCollects(key) || why.gap.Key == "session" || why.gap.Key == "finding" || why.gap.Key == "question" || why.gap.Key == "person" || why.gap.Key == "configuration" {
		state = "unconfirmed"
	}
	step := chainStep{state: state, from: why.from}
	if unanswered(why.gap.Outcome) && state == "unconfirmed" {
		step.gap = why.gap
	}
	return step
}

// nobodyCollects tells whether a place that was asked told that what the question is about is
// recorded nowhere, and not only that it does not hold it itself.
func (v *view) nobodyCollects(key Key) bool {
	a, _ := v.set.AnswerFor(string(key), "")
	for _, it := range v.set.Asked(a.Item.Question, a.Item.Subject) {
		for _, c := range it.Coverage {
			if c.State == evidence.NotCollectedState && c.Why != evidence.WhyNotHeld {
				return true
			}
		}
	}
	return false
}

// assumeLink looks for the call that created the session: the same session name and the
// second of its creation. Its address is AWS's own and proves nothing.
func (v *view) assumeLink() chainStep {
	t, why, ok := v.ask("chain.assume_role", "")
	if !ok {
		return v.notSeen("chain.assume_role", why)
	}
	created := v.sessionCreated()
	for i := range t.len() {
		if t.text(i, "error_code") == "" && t.time(i, "event_time").Sub(created).Abs() <= time.Second && strings.HasSuffix(t.text(i, "role_arn"), "/"+v.role()) {
			return chainStep{state: "confirmed", at: t.time(i, "event_time"), source: t.text(i, "source_service"), detail: t.text(i, "api"), from: []Ref{t.row(i)}}
		}
	}
	// A whole log in which the only assumption of this role under this name was refused.
	for i := range t.len() {
		if t.Exact && t.text(i, "error_code") != "" && t.time(i, "event_time").Sub(created).Abs() <= time.Second && strings.HasSuffix(t.text(i, "role_arn"), "/"+v.role()) {
			return chainStep{state: "contradicted", at: t.time(i, "event_time"), source: t.text(i, "source_service"), detail: t.text(i, "error_code"), from: []Ref{t.row(i)}}
		}
	}
	return absent(t)
}

// unanswered tells an outcome after which a place may still hold what was asked for.
func unanswered(o evidence.Outcome) bool {
	switch o {
	case evidence.Denied, evidence.Throttled, evidence.Failed, evidence.Truncated, evidence.NotYet:
		return true
	case evidence.Found, evidence.Empty, evidence.NotCollected, evidence.NotAsked:
	}
	return false
}

// absent is a link that was looked for and not found: unconfirmed if its log is whole, or if the
// answer is a part of what the log holds.
func absent(t table) chainStep {
	if t.Exact {
		return chainStep{state: "unconfirmed", from: []Ref{t.ref()}}
	}
	return t.uncovered(t.window().From, t.window().To)
}

func (v *view) sessionCreated() time.Time {
	t, i, _, ok := v.actorRow()
	if !ok {
		return time.Time{}
	}
	return t.time(i, "session_created")
}

// portalLink looks for GetRoleCredentials of the same user for this account and permission
// set, within 5 minutes before the session and a second after.
func (v *view) portalLink() chainStep {
	t, why, ok := v.ask("chain.identity_center", "")
	if !ok {
		return v.notSeen("chain.identity_center", why)
	}
	created, user := v.sessionCreated(), v.actorColumn("on_behalf_of")
	if of, name, refs, differ := v.twoPersons(); differ {
		return chainStep{state: "contradicted", detail: of + " / " + name, from: refs}
	}
	set := actorPermissionSet(v, "").value.Str
	for i := t.len() - 1; i >= 0; i-- {
		lead := created.Sub(t.time(i, "event_time"))
		if t.text(i, "on_behalf_of") == user && t.text(i, "service_account_id") == string(v.f.Account) &&
			t.text(i, "service_role_name") == set && lead >= -time.Second && lead <= 5*time.Minute {
			return chainStep{state: "confirmed", at: t.time(i, "event_time"), source: t.cell(i, "source_ip").String(), detail: t.text(i, "api"), from: []Ref{t.row(i)}}
		}
	}
	return absent(t)
}

// twoPersons tells whether the Identity Store user that a session names is known to be another
// person than the known one whose name the session bears. A name of nobody known may be an alias.
func (v *view) twoPersons() (of, name string, from []Ref, differ bool) {
	l := v.linked()
	name = strings.ToLower(v.actorColumn("session_name"))
	if l.method != "on_behalf_of" || l.upn == "" || l.upn == name {
		return "", "", nil, false
	}
	for _, p := range v.st.People {
		if strings.EqualFold(p.UPN, name) {
			return l.upn, name, l.from, true
		}
	}
	return "", "", nil, false
}

// signinLink looks for the person's last success before the session. A log that has a hole
// right there cannot say.
func (v *view) signinLink() chainStep {
	ins, ok := v.signIns()
	if !ok {
		_, why, _ := v.ask("signin.total", "")
		return v.notSeen("signin.total", why)
	}
	created := v.sessionCreated()
	if created.IsZero() {
		created, _ = v.at()
	}
	for i := len(ins.rows) - 1; i >= 0; i-- {
		s := ins.rows[i]
		lead := created.Sub(s.at)
		if s.result == "success" && lead >= 0 && lead <= signInLead {
			if !ins.t.coveredBetween(s.at, created) {
				return ins.t.uncovered(s.at, created)
			}
			return chainStep{state: "confirmed", at: s.at, source: s.ip, detail: s.app, from: []Ref{s.ref}}
		}
	}
	if ins.t.coveredBetween(created.Add(-signInLead), created) {
		return chainStep{state: "unconfirmed", from: []Ref{ins.t.ref()}}
	}
	return ins.t.uncovered(created.Add(-signInLead), created)
}

// uncovered is a link that may lie where the log was not read: unconfirmed if the answer is a part of
// what the log holds or the place did not say what it holds there, else not collected.
func (t table) uncovered(from, to time.Time) chainStep {
	step := chainStep{state: "not_collected", from: []Ref{t.ref()}}
	untold := slices.ContainsFunc(t.Item.Coverage, func(c evidence.Coverage) bool {
		return c.State == evidence.Unknown && c.Why == evidence.WhyNoResponse && c.Window.From.Before(to) && c.Window.To.After(from)
	})
	if untold || unanswered(t.Item.Answer.Outcome) {
		step.state, step.gap = "unconfirmed", gapOf(t.Answered)
	}
	return step
}

// coveredBetween tells whether every part of [from, to) was Collected.
func (t table) coveredBetween(from, to time.Time) bool {
	for _, c := range t.Item.Coverage {
		if c.State != evidence.Collected && c.Window.From.Before(to) && c.Window.To.After(from) {
			return false
		}
	}
	return len(t.Item.Coverage) > 0
}

func chainLink(name string) func(*view, string) result {
	return func(v *view, _ string) result {
		s := v.chain()[name]
		return known(NameOf(s.state), s.from...)
	}
}

var chainOrder = []string{"signin", "identity_center", "assume_role", "call"}

func chainLinks(v *view, _ string) result {
	var rows []Row
	var refs []Ref
	for _, name := range chainOrder {
		s := v.chain()[name]
		if s.state == "not_applicable" {
			continue
		}
		row := Row{NameOf(name), NameOf(s.state), {}, TextOf(s.source), TextOf(s.detail)}
		if !s.at.IsZero() {
			row[2] = TimeOf(s.at)
		}
		rows, refs = append(rows, row), append(refs, s.from...)
	}
	return known(Value{Type: Table, Rows: rows}, compactRefs(refs)...)
}

// chainComplete asks for the call and the role assumption; an earlier link may be missing
// where nobody recorded it, which caps confidence, but none may be looked for in vain.
func chainComplete(v *view, _ string) result {
	complete := true
	var refs []Ref
	for _, name := range chainOrder {
		s := v.chain()[name]
		refs = append(refs, s.from...)
		switch s.state {
		case "confirmed", "not_applicable":
		case "not_collected":
			if name == "call" || name == "assume_role" {
				complete = false
			}
		default:
			complete = false
		}
	}
	return known(BoolOf(complete), compactRefs(refs)...)
}

func chainMissing(v *view, _ string) result {
	var list []string
	var refs []Ref
	for _, name := range chainOrder {
		if s := v.chain()[name]; s.state == "not_collected" {
			list, refs = append(list, name), append(refs, s.from...)
		}
	}
	if len(list) == 0 {
		for _, name := range chainOrder {
			if s := v.chain()[name]; s.gap.Key != "" { // it may be one of them
				return result{state: Unknown, gap: s.gap, from: s.from}
			}
		}
		return notApplicable()
	}
	slices.Sort(list)
	return known(TextsOf(list, false), compactRefs(refs)...)
}
