package phrase

import (
	"slices"
	"strings"
	"testing"
)

func TestTheEmbeddedBookLoads(t *testing.T) {
	b, err := load()
	if err != nil {
		t.Fatal(err)
	}
	if len(b.All()) < 100 {
		t.Errorf("got %d phrases, want the whole book", len(b.All()))
	}
	if len(b.Chapters) != 8 {
		t.Errorf("got %d chapters, want eight", len(b.Chapters))
	}
	ids := append(b.SectionIDs(), "header")
	for _, p := range b.All() {
		for _, s := range p.Sections {
			if !slices.Contains(ids, s) {
				t.Errorf("phrase %s may stand in section %q, which does not exist", p.ID, s)
			}
		}
	}
}

func TestHeadingsAreTwofoldAndWithoutColon(t *testing.T) {
	b := Default()
	for _, c := range b.Chapters {
		titles := []Words{c.Title}
		for _, s := range c.Sections {
			titles = append(titles, s.Title)
		}
		for i, w := range titles {
			if (w.JA == "") != (w.EN == "") || i == 0 && w.JA == "" {
				t.Errorf("chapter %s: title %+v is missing in a language", c.ID, w)
			}
			if strings.ContainsAny(w.JA+w.EN, ":：") {
				t.Errorf("chapter %s: title %+v holds a colon", c.ID, w)
			}
		}
	}
}

// Whether someone attacked is for the verdict to say, never for a sentence to take for granted.
func TestNoPhraseCallsAnyoneAnAttacker(t *testing.T) {
	for _, p := range Default().All() {
		for _, l := range Langs() {
			for _, tok := range p.Text(l) {
				for _, word := range []string{"攻撃者", "攻撃手法", "attacker", "Attacker"} {
					if strings.Contains(tok.Literal, word) {
						t.Errorf("phrase %s says %q", p.ID, word)
					}
				}
			}
		}
	}
}

func TestChoicesAndWordsAreTwofold(t *testing.T) {
	b := Default()
	for name, w := range b.choices {
		if w.JA == "" || w.EN == "" {
			t.Errorf("choice %q is missing in a language: %+v", name, w)
		}
	}
	for name, w := range b.words {
		if w.JA == "" {
			t.Errorf("word %q is missing", name)
		}
	}
}

func TestPhrasesThatCannotBeReadBackAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		p    phraseYAML
		want string
	}{
		"a number in a literal": {phraseYAML{ID: "x", Kind: "S1", JA: "30日間", EN: "days"}, "number"},
		"a slot without name":   {phraseYAML{ID: "x", Kind: "S1", JA: "{n}件", EN: "{n}"}, "not among the slots"},
		"markup":                {phraseYAML{ID: "x", Kind: "S1", JA: "*強調*", EN: "x"}, "markup"},
		"an open brace":         {phraseYAML{ID: "x", Kind: "S1", JA: "{n", EN: "x"}, "not closed"},
		"no such kind":          {phraseYAML{ID: "x", Kind: "S10", JA: "あ", EN: "x"}, "kind"},
		"no English":            {phraseYAML{ID: "x", Kind: "S1", JA: "あ"}, "missing"},
		"touching slots": {
			phraseYAML{ID: "x", Kind: "S1", JA: "{a}{b}", EN: "{a} {b}", Slots: slots("a", "event.api", "b", "event.service")},
			"touches",
		},
		"different slots": {
			phraseYAML{ID: "x", Kind: "S1", JA: "{a}と{b}", EN: "{a}", Slots: slots("a", "event.api", "b", "event.service")},
			"different slots",
		},
		"a slot for nothing": {
			phraseYAML{ID: "x", Kind: "S1", JA: "{a}", EN: "{a}", Slots: slots("a", "event.api", "b", "event.service")},
			"neither printed nor guarded",
		},
		"a slot of no source": {phraseYAML{ID: "x", Kind: "S1", JA: "{a}", EN: "{a}", Slots: slots("a", "Event API")}, "no fact"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &Book{byID: map[string]int{}, byBase: map[string][]int{}}
			err := b.add(tc.p, nil)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one that says %q", err, tc.want)
			}
		})
	}
}

func TestNamesWithDigitsAreNoNumbers(t *testing.T) {
	for _, s := range []string{"S3バケット", "IPv4アドレス", "EC2"} {
		if err := checkLiteral(s); err != nil {
			t.Errorf("checkLiteral(%q): got %v, want none", s, err)
		}
	}
	for _, s := range []string{"3件", "あ3", " 30", "３件", "No. 5"} {
		if err := checkLiteral(s); err == nil {
			t.Errorf("checkLiteral(%q): got no error, want one", s)
		}
	}
}

func slots(pairs ...string) (m []item) {
	for i := 0; i < len(pairs); i += 2 {
		m = append(m, item{Key: pairs[i], Value: pairs[i+1]})
	}
	return m
}
