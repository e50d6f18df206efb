package policy

import (
	"fmt"
	"math"
	"slices"

	"uratori/evidence"
	"uratori/fact"
)

// Assess judges the facts. It is pure.
func (p Policy) Assess(facts fact.Facts) Assessment {
	a := Assessment{facts: facts, hash: p.Hash()}
	a.gaps = p.gapsOf(facts)
	ev := p.evaluate(&a)
	a.score, a.ceiling = p.scores(facts, ev, a.signals)
	need := p.need(&a)
	a.verdict = verdict(facts, a, ev, need)
	a.confidence, a.cappedBy = confidence(need)
	a.explained = a.verdict == Inconclusive && answer(facts) == "mine"
	if a.verdict == Benign && need.missing {
		a.confidence = Low // on an accepted gap and the person's word
	}
	a.urgency = urgency(facts, a)
	a.due = p.file.Dues[[...]string{"low", "medium", "high", "critical"}[a.urgency]]
	a.likelihood = likelihood(a.verdict)
	p.weigh(&a)
	p.recommend(&a)
	return a
}

// An evaluation is what the rules came to.
type evaluation struct {
	fired     []rule
	notJudged []rule
	denied    bool // the person says it was someone else
}

// evaluate runs every rule whose facts are known.
func (p Policy) evaluate(a *Assessment) evaluation {
	var ev evaluation
	grouped := map[string]int{}
	for _, r := range p.rules {
		out, missing, used := p.holds(a.facts, r.condition)
		switch out {
		case fires:
			points := r.Points
			if r.Group != "" {
				points = min(points, p.file.Groups[r.Group]-grouped[r.Group])
				grouped[r.Group] += points
			}
			ev.fired = append(ev.fired, r)
			ev.denied = ev.denied || r.Denial
			a.signals = append(a.signals, Signal{
				Rule: r.ID, Side: Side(r.Side), Points: points, Floor: r.Floor, FloorKind: r.FloorKind, Facts: used, Why: r.Because,
			})
		case open:
			if r.Unasked {
				continue
			}
			ev.notJudged = append(ev.notJudged, r)
			n := NotJudged{Rule: r.ID, Points: r.Points, Floor: r.Floor, Missing: missing, Why: r.Because}
			for _, id := range missing {
				f, _ := a.facts.ByID(id)
				if g, ok := a.GapOf(f); ok && !slices.Contains(n.Gaps, g.ID) {
					n.Gaps = append(n.Gaps, g.ID)
				}
			}
			a.notJudged = append(a.notJudged, n)
		case silent:
		}
	}
	return ev
}

// scores are the score, and the ceiling: the score if every rule that could not be judged had
// fired. Floors come last.
func (p Policy) scores(facts fact.Facts, ev evaluation, signals []Signal) (score, ceiling int) {
	base := 0
	if f := facts.Get("finding.severity", ""); f.State == fact.Known {
		base = int(math.Round(float64(p.file.Base.Times) * float64(f.Value.Num) / 10))
	}
	sum, floor := base, 0
	grouped := map[string]int{}
	for i, s := range signals {
		sum += s.Points
		floor = max(floor, s.Floor)
		if g := ev.fired[i].Group; g != "" {
			grouped[g] += s.Points
		}
	}
	score = max(clamp(sum), floor)
	for _, r := range ev.notJudged {
		if points := max(r.Points, 0); r.Group != "" {
			points = min(points, p.file.Groups[r.Group]-grouped[r.Group])
			grouped[r.Group] += points
			sum += points
		} else {
			sum += points
		}
		floor = max(floor, r.Floor)
	}
	return score, max(clamp(sum), floor, score)
}

func clamp(n int) int { return min(max(n, 0), 100) }

// A need is how much of the evidence that a verdict needs is there.
type need struct {
	missing  bool     // required evidence is not there
	accepted bool     // all that is missing was decided not to be collected
	medium   bool     // only an alternative of lesser weight is there
	lacking  []string // gaps of missing required evidence
	weak     []string // gaps of missing supporting evidence
	thin     bool     // supporting evidence is missing
}

func (p Policy) need(a *Assessment) need {
	family := a.facts.Get("finding.family", "").Value.Str
	spec, ok := p.file.Evidence[family]
	if !ok {
		spec = p.file.Evidence["generic"]
	}
	n := need{accepted: true}
	note := func(list *[]string, f fact.Fact) (g Gap) {
		g, ok := a.GapOf(f)
		if ok && !slices.Contains(*list, g.ID) {
			*list = append(*list, g.ID)
		}
		return g
	}
	for _, r := range spec.Required {
		best := Low
		for _, alt := range r.Any {
			f := a.facts.Get(fact.Key(alt.Fact), alt.Subject)
			if f.State == fact.Known && is(f.Value, alt.Is) {
				if alt.Confidence == "high" {
					best = High
				} else {
					best = max(best, Medium)
				}
			}
		}
		switch best {
		case High:
		case Medium:
			n.medium = true
		case Low, Critical:
			n.missing = true
			g := note(&n.lacking, a.facts.Get(fact.Key(r.Any[0].Fact), r.Any[0].Subject))
			n.accepted = n.accepted && g.Accepted != nil && !g.Accepted.Expired
		}
	}
	for _, s := range spec.Supporting {
		f := a.facts.Get(fact.Key(s.Fact), s.Subject)
		if f.State == fact.Unknown || f.State == fact.AtLeast {
			n.thin = true
			note(&n.weak, f)
		}
	}
	if f := a.facts.Get("baseline.sufficient", ""); f.State == fact.Known && f.Value.Num == 0 {
		n.thin = true
	}
	n.accepted = n.accepted && n.missing
	return n
}

func is(v fact.Value, want string) bool {
	switch {
	case want == "":
		return true
	case v.Type == fact.Bool:
		return (v.Num == 1) == (want == "true")
	}
	return v.Str == want
}

// confidence is Low without required evidence, Medium without supporting evidence, else High.
func confidence(n need) (Level, []string) {
	switch {
	case n.missing:
		return Low, n.lacking
	case n.medium || n.thin:
		return Medium, n.weak
	}
	return High, nil
}

// verdict follows the decision rules: two independent floors, or one and the person's denial,
// are malicious; one floor or a score of 60 suspicious; benign needs everything, and nothing
// against it.
func verdict(facts fact.Facts, a Assessment, ev evaluation, n need) Verdict {
	kinds := map[string]bool{}
	for _, r := range ev.fired {
		if r.Floor > 0 && !r.Denial {
			kinds[r.FloorKind] = true
		}
	}
	switch {
	case len(kinds) >= 2, len(kinds) == 1 && ev.denied:
		return Malicious
	case len(kinds) == 1, ev.denied, a.score >= 60:
		return Suspicious
	}
	joined := truth(facts, "chain.complete") || facts.Get("actor.automation", "").State == fact.Known
	if a.score >= 30 || !joined || contradicted(facts) {
		return Inconclusive
	}
	switch {
	case !n.missing:
		return Benign
	case n.accepted && answer(facts) == "mine" && truth(facts, "interview.step_up"):
		return Benign
	}
	return Inconclusive
}

func truth(facts fact.Facts, key fact.Key) bool {
	f := facts.Get(key, "")
	return f.State == fact.Known && f.Value.Num == 1
}

func answer(facts fact.Facts) string {
	if f := facts.Get("interview.answer", ""); f.State == fact.Known {
		return f.Value.Str
	}
	return ""
}

// contradicted tells whether anything speaks against a harmless reading beyond the score: facts
// that disagree, a broken link, a denial.
func contradicted(facts fact.Facts) bool {
	if facts.Get("quality.contradictions", "").State == fact.Known {
		return true
	}
	for _, link := range []fact.Key{"chain.signin", "chain.identity_center", "chain.assume_role", "chain.call"} {
		if f := facts.Get(link, ""); f.State == fact.Known && f.Value.Str == "contradicted" {
			return true
		}
	}
	switch answer(facts) {
	case "not_mine", "not_sure":
		return true
	}
	return false
}

// urgency is 15 minutes for malicious; one hour for suspicious, or an inconclusive case of a
// Critical finding; the same business day for an inconclusive case that could be High.
func urgency(facts fact.Facts, a Assessment) Level {
	switch {
	case a.verdict == Malicious:
		return Critical
	case a.verdict == Suspicious, a.verdict == Inconclusive && facts.Get("finding.band", "").Value.Str == "critical":
		return High
	case a.verdict == Inconclusive && a.ceiling >= 60:
		return Medium
	}
	return Low
}

func likelihood(v Verdict) Likelihood {
	switch v {
	case Benign:
		return Likely
	case Suspicious, Malicious:
		return Unlikely
	case Unjudged, Inconclusive:
		return Undetermined
	default:
		return Undetermined
	}
}

// gapsOf are the gaps of all facts that are not known, one a key, in the order of the catalogue.
func (p Policy) gapsOf(facts fact.Facts) []Gap {
	listed := map[string]bool{}
	for _, g := range p.file.Gaps {
		listed[g.Key] = true
	}
	hidden := map[string][]fact.Fact{}
	for _, f := range facts.All() {
		if f.State == fact.Unknown || f.State == fact.AtLeast {
			key := f.Gap.Key
			if !listed[key] {
				key = catchAll
			}
			hidden[key] = append(hidden[key], f)
		}
	}
	var out []Gap
	for _, y := range p.file.Gaps {
		fs := hidden[y.Key]
		if len(fs) == 0 {
			continue
		}
		g := Gap{ID: fmt.Sprintf("G%d", len(out)+1), Key: y.Key, What: y.What, PreventNext: y.Prevent}
		for _, s := range y.Settle {
			g.SettleNow = append(g.SettleNow, Settle(s))
		}
		for _, f := range fs {
			g.Facts = append(g.Facts, f.ID)
			if outcomeRank(f.Gap.Outcome) > outcomeRank(g.Outcome) {
				g.Outcome = f.Gap.Outcome
			}
		}
		g.Why = p.file.Whys[whyName(g.Outcome)]
		if g.Outcome == 0 {
			g.Why = p.file.Whys["not_given"]
		}
		g.Accepted = accepted(facts, y.Key)
		if g.Accepted != nil && !g.Accepted.Expired {
			g.PreventNext = nil // it was decided; it is no longer recommended
		}
		out = append(out, g)
	}
	return out
}

// outcomeRank orders outcomes by how much they say about why something is not known.
func outcomeRank(o evidence.Outcome) int {
	return slices.Index([]evidence.Outcome{
		0, evidence.NotAsked, evidence.Found, evidence.Empty, evidence.NotYet, evidence.Throttled, evidence.Failed,
		evidence.Denied, evidence.Truncated, evidence.NotCollected,
	}, o)
}

// accepted is the decision not to collect a kind of record in the finding's account.
func accepted(facts fact.Facts, kind string) *Acceptance {
	account := string(facts.Finding().Account)
	if f := facts.Get("finding.account", ""); account == "" && f.State == fact.Known {
		account = f.Value.Str
	}
	for _, g := range facts.Settings().Accepted {
		if g.Kind == kind && (len(g.Accounts) == 0 || slices.Contains(g.Accounts, account)) {
			return &Acceptance{Reason: g.Reason, Approver: g.Approver, Until: g.Until, Expired: !facts.AsOf().Before(g.Until)}
		}
	}
	return nil
}

// weigh lists what speaks for what: the rules that fired, and the declared lines.
func (p Policy) weigh(a *Assessment) {
	add := func(side Side, e BalanceEntry) {
		if side == SideNormal {
			a.balance.Normal = append(a.balance.Normal, e)
		} else {
			a.balance.Suspicious = append(a.balance.Suspicious, e)
		}
	}
	for _, s := range a.signals {
		add(s.Side, BalanceEntry{s.Why, s.Facts})
	}
	for i, b := range p.file.Balance {
		if out, _, used := p.holds(a.facts, p.conditions[fmt.Sprint("balance:", i)]); out == fires {
			add(Side(b.Side), BalanceEntry{b.Because, used})
		}
	}
	for _, n := range a.notJudged {
		a.balance.Unconfirmed = append(a.balance.Unconfirmed, BalanceEntry{n.Why, n.Missing})
	}
}

// recommend chooses the actions whose conditions hold, in the order of the catalogue.
func (p Policy) recommend(a *Assessment) {
	kind := "unknown"
	if f := a.facts.Get("actor.kind", ""); f.State == fact.Known {
		kind = f.Value.Str
	}
	for _, y := range p.file.Actions {
		if len(y.Verdicts) > 0 && !slices.Contains(y.Verdicts, a.verdict.String()) {
			continue
		}
		if len(y.Actors) > 0 && !slices.Contains(y.Actors, kind) {
			continue
		}
		if y.Gap != "" && !slices.ContainsFunc(a.gaps, func(g Gap) bool {
			return g.Key == y.Gap && (g.Accepted == nil || g.Accepted.Expired)
		}) {
			continue
		}
		act := Action{
			ID: y.ID, Priority: Priority(y.Priority), Title: y.Title, Owner: p.file.Owners[y.Owner], Due: p.file.Dues[y.Due],
			How: y.How, SideEffect: y.SideEffect, Undo: y.Undo,
		}
		if y.Due == "urgency" {
			act.Due = a.due
		}
		if c, ok := p.conditions["action:"+y.ID]; ok {
			out, _, used := p.holds(a.facts, c)
			if out != fires {
				continue
			}
			act.Facts = used
		}
		for _, k := range y.Facts {
			for _, f := range a.facts.Of(fact.Key(k)) {
				if (f.State == fact.Known || f.State == fact.AtLeast) && !slices.Contains(act.Facts, f.ID) {
					act.Facts = append(act.Facts, f.ID)
				}
			}
		}
		a.actions = append(a.actions, act)
	}
}
