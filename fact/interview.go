package fact

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/finding"
)

var interviewDefs = []Def{
	{Key: "interview.asked", Rule: interviewAsked, Type: Bool, Kind: Testified, JA: "本人への確認", EN: "asked", Says: "a testimony item stands among the evidence"},
	{Key: "interview.answered", Rule: interviewAnswered, Type: Bool, Kind: Testified, JA: "本人の回答の有無", EN: "answered", Says: "a testimony item has an answer"},
	{Key: "interview.answer", Rule: interviewAnswer, Type: Name, Kind: Testified, JA: "本人の回答", EN: "answer", Says: "as answered", Choices: []string{"mine", "my_tool", "not_mine", "not_sure"}},
	{Key: "interview.step_up", Rule: interviewStepUp, Type: Bool, Kind: Testified, JA: "回答時の再認証", EN: "step-up", Says: "the identity provider proved a fresh sign-in"},
	{Key: "interview.owner", Rule: interviewOwner, Type: Bool, Kind: Computed, JA: "所有者への確認", EN: "the owner is to be asked", Says: "what was found is about a machine, a function, a database, an object or a cluster that no person's user used, or a machine's own credential or programs acted: it has an owner, and no person's session stands at its beginning"},
	{Key: "interview.holder", Rule: interviewHolder, Type: Bool, Kind: Computed, JA: "鍵の持ち主への確認", EN: "the holder of the user is to be asked", Says: "the actor is an IAM user or the root user: no chain leads to a person, and whoever holds it can say"},
	{Key: "interview.quote", Rule: interviewQuote, Type: Text, Kind: Testified, JA: "本人の回答（原文）", EN: "testimony", Says: "verbatim"},
	{Key: "interview.time", Rule: interviewTime, Type: Time, Kind: Testified, JA: "本人の回答日時", EN: "answered at", Says: "as answered"},
}

// Testimony is what a person answered: the body of a TestimonyItem.
type Testimony struct {
	Answer string    `json:"answer"` // mine, my_tool, not_mine, not_sure; "" while unanswered
	StepUp bool      `json:"step_up"`
	Quote  string    `json:"quote,omitempty"`
	Time   time.Time `json:"time"`
}

// confirms tells whether the answer takes the activity on, after a fresh sign-in.
func (t Testimony) confirms() bool { return t.StepUp && (t.Answer == "mine" || t.Answer == "my_tool") }

func ofTestimony(v *view, get func(Testimony, Ref) result) result {
	for _, it := range v.set.Items() {
		if it.Kind != evidence.TestimonyItem {
			continue
		}
		var said Testimony
		if json.Unmarshal(it.Body, &said) != nil {
			return unknown(v.asked(), Ref(it.ID))
		}
		return get(said, Ref(it.ID))
	}
	return unknown(v.asked())
}

// asked is whose word is missing: of the person who acted, else of whoever owns the machine, the
// function or the database.
func (v *view) asked() string {
	if interviewOwner(v, "").state == Known {
		return "owner"
	}
	return "interview"
}

// interviewOwner is true where no person's session stands at the beginning, and somebody owns what acted.
func interviewOwner(v *view, _ string) result {
	if v.ofCluster() && !v.faceless() {
		return notApplicable(findingRef)
	}
	if v.faceless() || slices.Contains(ownedFamilies, finding.FamilyOf(v.f)) || nobody(v.f) {
		return known(BoolOf(true), findingRef)
	}
	if _, session, _ := strings.Cut(v.f.Resource.AccessKey.PrincipalID, ":"); instanceID.MatchString(session) {
		return known(BoolOf(true), findingRef)
	}
	if t, i, _, ok := v.actorRow(); ok && instanceID.MatchString(t.text(i, "session_name")) {
		return known(BoolOf(true), t.row(i))
	}
	return notApplicable(findingRef)
}

// instanceID is the form of an EC2 instance's id, which is the name of the session in which the
// instance uses its role (IAM User Guide, "IAM roles for Amazon EC2").
var instanceID = regexp.MustCompile(`^i-[0-9a-f]{8,17}$`)

// ownedFamilies are those whose owner is asked.
var ownedFamilies = append([]string{"malware_s3"}, machineFamilies...)

func interviewAsked(v *view, _ string) result {
	for _, it := range v.set.Items() {
		if it.Kind == evidence.TestimonyItem {
			return known(BoolOf(true), Ref(it.ID))
		}
	}
	return known(BoolOf(false))
}

func interviewAnswered(v *view, _ string) result {
	r := ofTestimony(v, func(said Testimony, ref Ref) result { return known(BoolOf(said.Answer != ""), ref) })
	if r.state == Unknown && len(r.from) == 0 {
		return known(BoolOf(false))
	}
	return r
}

// ofAnswer is a fact about an answer that was given.
func ofAnswer(v *view, get func(Testimony, Ref) result) result {
	return ofTestimony(v, func(said Testimony, ref Ref) result {
		if said.Answer == "" {
			return unknown(v.asked(), ref)
		}
		return get(said, ref)
	})
}

func interviewAnswer(v *view, _ string) result {
	return ofAnswer(v, func(said Testimony, ref Ref) result { return known(NameOf(said.Answer), ref) })
}

func interviewStepUp(v *view, _ string) result {
	return ofAnswer(v, func(said Testimony, ref Ref) result { return known(BoolOf(said.StepUp), ref) })
}

func interviewQuote(v *view, _ string) result {
	return ofAnswer(v, func(said Testimony, ref Ref) result {
		if said.Quote == "" {
			return notApplicable(ref)
		}
		return known(TextOf(said.Quote), ref)
	})
}

func interviewTime(v *view, _ string) result {
	return ofAnswer(v, func(said Testimony, ref Ref) result { return known(TimeOf(said.Time), ref) })
}

// interviewHolder is true of actors whose credential belongs to somebody without a session of theirs.
func interviewHolder(v *view, _ string) result {
	kind := actorKind(v, "")
	if kind.state == Known && (kind.value.Str == "iam_user" || kind.value.Str == "root") {
		return known(BoolOf(true), kind.from...)
	}
	return notApplicable(kind.from...)
}
