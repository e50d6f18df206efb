package policy

// The policy file as people write it. default/policy is its example and its explanation.
type (
	form struct {
		Schema         string                 `yaml:"schema"`
		Features       map[string]featureForm `yaml:"features"`
		Base           baseForm               `yaml:"base"`
		Bands          bandsForm              `yaml:"bands"`
		Groups         map[string]int         `yaml:"groups"`
		Rules          []ruleForm             `yaml:"rules"`
		Contradictions []statementForm        `yaml:"contradictions"`
		Balance        []statementForm        `yaml:"balance"`
		Evidence       []evidenceForm         `yaml:"evidence"`
		Confidence     confidenceForm         `yaml:"confidence"`
		Benign         benignForm             `yaml:"benign"`
		Explained      proofForm              `yaml:"explained"`
		Due            dueForm                `yaml:"due"`
		Outcomes       map[string]Text        `yaml:"outcomes"`
		Gaps           []gapForm              `yaml:"gaps"`
		Owners         map[string]Text        `yaml:"owners"`
		Actions        []actionForm           `yaml:"actions"`
	}
	featureForm struct {
		Fact string   `yaml:"fact"` // key or key@subject
		Most []string `yaml:"most"` // or several: the most that any of them shows
		Doc  string   `yaml:"doc"`
	}
	baseForm struct {
		Times int `yaml:"times"` // base = round(times x severity)
	}
	bandsForm struct {
		Medium   int `yaml:"medium"`
		High     int `yaml:"high"`
		Critical int `yaml:"critical"`
	}
	ruleForm struct {
		ID        string   `yaml:"id"`
		When      string   `yaml:"when"`
		Needs     []string `yaml:"needs"`
		Arises    string   `yaml:"arises"` // a truth or a count; where it is false or 0, the rule does not arise
		Points    int      `yaml:"points"`
		Cap       *int     `yaml:"cap"` // the score is at most this, floors apart
		Floor     int      `yaml:"floor"`
		FloorKind string   `yaml:"floor_kind"` // floors of different kinds are independent
		Group     string   `yaml:"group"`
		Side      Side     `yaml:"side"`
		Because   Text     `yaml:"because"`
	}
	statementForm struct {
		When    string   `yaml:"when"`
		Needs   []string `yaml:"needs"`
		Side    Side     `yaml:"side"`
		Because Text     `yaml:"because"`
	}
	proofForm struct {
		ID         string   `yaml:"id"`
		Known      []string `yaml:"known"` // features that must be known, or not apply
		When       string   `yaml:"when"`  // over those features
		Arises     string   `yaml:"arises"`
		Confidence string   `yaml:"confidence"` // the most that this proof allows
		Gap        string   `yaml:"gap"`        // the gap to name when everything is known and still not enough
	}
	evidenceForm struct {
		Families []string       `yaml:"families"` // "*": every other
		Required []requiredForm `yaml:"required"`
	}
	requiredForm struct {
		ID   string      `yaml:"id"`
		What Text        `yaml:"what"`
		Any  []proofForm `yaml:"any"`
	}
	confidenceForm struct {
		Event      proofForm   `yaml:"event"`
		Supporting []proofForm `yaml:"supporting"`
	}
	benignForm struct {
		Actor    []proofForm  `yaml:"actor"`
		Accepted acceptedForm `yaml:"accepted"`
	}
	acceptedForm struct {
		Chain     proofForm `yaml:"chain"`
		Testimony proofForm `yaml:"testimony"`
	}
	dueForm struct {
		Critical Text `yaml:"critical"`
		High     Text `yaml:"high"`
		Medium   Text `yaml:"medium"`
		Morning  Text `yaml:"next_morning"`
		Low      Text `yaml:"low"`
	}
	gapForm struct {
		Key         string          `yaml:"key"` // "*": every other
		List        *bool           `yaml:"list"`
		What        Text            `yaml:"what"`
		Why         map[string]Text `yaml:"why"`
		SettleNow   []settleForm    `yaml:"settle_now"`
		PreventNext []Text          `yaml:"prevent_next"`
	}
	settleForm struct {
		Kind    string `yaml:"kind"`
		Dataset string `yaml:"dataset"`
		Text    Text   `yaml:"text"`
	}
	actionForm struct {
		ID         string            `yaml:"id"`
		Priority   Priority          `yaml:"priority"`
		Verdicts   []string          `yaml:"verdicts"`
		When       string            `yaml:"when"`
		Needs      []string          `yaml:"needs"`
		Assume     map[string]any    `yaml:"assume"` // what to take for a feature that is not known
		Title      Text              `yaml:"title"`
		How        Text              `yaml:"how"`
		Values     map[string]string `yaml:"values"` // placeholder -> the fact that holds its value
		SideEffect Text              `yaml:"side_effect"`
		Undo       Text              `yaml:"undo"`
		Owner      string            `yaml:"owner"`
		Due        *Text             `yaml:"due"`
	}
)

// formSchema names the form of a policy file.
const formSchema = "uratori.policy/1"

// Text is a sentence in both languages.
type Text struct {
	JA string `yaml:"ja"`
	EN string `yaml:"en"`
}
