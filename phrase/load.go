package phrase

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed data/*.yaml
var data embed.FS

// A Book is the table of phrases with the outline of the report and the names of choices.
type Book struct {
	phrases  []Phrase
	byID     map[string]int
	byBase   map[string][]int
	Chapters []Chapter
	Header   Words            // title of the header block
	choices  map[string]Words // "key choice" -> words
	words    map[string]Words
	raw      []byte
}

// Words are one text in every language.
type Words struct {
	JA string `yaml:"ja"`
	EN string `yaml:"en"`
}

// In is the text in that language.
func (w Words) In(l Lang) string {
	if l == EN {
		return w.EN
	}
	return w.JA
}

// A Chapter is one of the eight, with its sections in order.
type Chapter struct {
	ID       string
	Title    Words
	Sections []Section
}

// A Section always appears, even when it can only say that nothing is known. One without a title stands right under its chapter's.
type Section struct {
	ID    string
	Title Words
}

// Default is the embedded book. The data is part of the program: an error in it is a
// programming error, found by the tests of this package.
var Default = sync.OnceValue(func() *Book {
	b, err := load()
	if err != nil {
		panic(err)
	}
	return b
})

// All are the phrases in the order of the table.
func (b *Book) All() []Phrase { return b.phrases }

// Get is the phrase with that id.
func (b *Book) Get(id string) (Phrase, bool) {
	i, ok := b.byID[id]
	if !ok {
		return Phrase{}, false
	}
	return b.phrases[i], true
}

// Forms are the phrases of a base id: one, or every combination of its parts, in order of preference.
func (b *Book) Forms(base string) []Phrase {
	var out []Phrase
	for _, i := range b.byBase[base] {
		out = append(out, b.phrases[i])
	}
	return out
}

// Choice is how a choice of a fact, column or assessment value is said. Names that many
// share stand under "*".
func (b *Book) Choice(key, choice string, l Lang) (string, bool) {
	for _, k := range []string{key, "*"} {
		if w, ok := b.choices[k+" "+choice]; ok {
			return w.In(l), true
		}
	}
	return "", false
}

// Word is one of the small words that values are printed with.
func (b *Book) Word(id string, l Lang) string { return b.words[id].In(l) }

// Bytes is the book as it was read: part of what a report was made from.
func (b *Book) Bytes() []byte { return b.raw }

// SectionIDs are the sections of all chapters in order.
func (b *Book) SectionIDs() []string {
	var ids []string
	for _, c := range b.Chapters {
		for _, s := range c.Sections {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// An item is one slot as written: its name and where its value comes from.
type item = yaml.MapItem

type phraseYAML struct {
	ID    string        `yaml:"id"`
	Kind  Kind          `yaml:"kind"`
	In    []string      `yaml:"in"`
	Slots yaml.MapSlice `yaml:"slots"`
	JA    string        `yaml:"ja"`
	EN    string        `yaml:"en"`
}

// A part is one way to fill a part of a phrase: "{>who}" stands for one of parts.who.
type partsYAML struct {
	Parts map[string][]phraseYAML `yaml:"parts"`
}

type outlineYAML struct {
	Header   Words `yaml:"header"`
	Chapters []struct {
		ID       string `yaml:"id"`
		JA       string `yaml:"ja"`
		EN       string `yaml:"en"`
		Sections []struct {
			ID string `yaml:"id"`
			JA string `yaml:"ja"`
			EN string `yaml:"en"`
		} `yaml:"sections"`
	} `yaml:"chapters"`
}

func load() (*Book, error) {
	b := &Book{byID: map[string]int{}, byBase: map[string][]int{}, choices: map[string]Words{}, words: map[string]Words{}}
	files, err := data.ReadDir("data")
	if err != nil {
		return nil, fmt.Errorf("read phrases: %w", err)
	}
	var parts partsYAML
	if err := decode("parts.yaml", &parts); err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := data.ReadFile("data/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("read phrases: %w", err)
		}
		b.raw = append(append(b.raw, "# "+f.Name()+"\n"...), text...)
		switch f.Name() {
		case "outline.yaml", "choices.yaml", "words.yaml", "parts.yaml":
			continue
		}
		var list []phraseYAML
		if err := decode(f.Name(), &list); err != nil {
			return nil, err
		}
		for _, y := range list {
			if err := b.add(y, parts.Parts); err != nil {
				return nil, fmt.Errorf("read phrases: %s: phrase %q: %w", f.Name(), y.ID, err)
			}
		}
	}
	return b, b.readRest()
}

func decode(name string, into any) error {
	text, err := data.ReadFile("data/" + name)
	if err != nil {
		return fmt.Errorf("read phrases: %w", err)
	}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(into); err != nil {
		return fmt.Errorf("read phrases: %s: %w", name, err)
	}
	return nil
}

func (b *Book) readRest() error {
	var o outlineYAML
	if err := decode("outline.yaml", &o); err != nil {
		return err
	}
	b.Header = o.Header
	for _, c := range o.Chapters {
		ch := Chapter{ID: c.ID, Title: Words{c.JA, c.EN}}
		for _, s := range c.Sections {
			ch.Sections = append(ch.Sections, Section{ID: s.ID, Title: Words{s.JA, s.EN}})
		}
		b.Chapters = append(b.Chapters, ch)
	}
	var choices map[string]map[string]Words
	if err := decode("choices.yaml", &choices); err != nil {
		return err
	}
	for key, list := range choices {
		for choice, w := range list {
			b.choices[key+" "+choice] = w
		}
	}
	return decode("words.yaml", &b.words)
}

// add puts a phrase into the book, in every combination of its parts.
func (b *Book) add(y phraseYAML, parts map[string][]phraseYAML) error {
	forms := []phraseYAML{y}
	names := []string{""}
	for {
		at := strings.Index(forms[0].JA, "{>")
		if at < 0 {
			break
		}
		end := strings.IndexByte(forms[0].JA[at:], '}')
		if end < 0 {
			return fmt.Errorf("a brace is not closed")
		}
		part := forms[0].JA[at+2 : at+end]
		ways := parts[part]
		if len(ways) == 0 {
			return fmt.Errorf("part %q does not exist", part)
		}
		var next []phraseYAML
		var nextNames []string
		for i, f := range forms {
			for _, w := range ways {
				next = append(next, fill(f, part, w))
				nextNames = append(nextNames, strings.TrimPrefix(names[i]+","+w.ID, ","))
			}
		}
		forms, names = next, nextNames
	}
	for i, f := range forms {
		p := Phrase{ID: y.ID, Base: y.ID, Kind: y.Kind, Sections: y.In}
		if names[i] != "" {
			p.ID += "(" + names[i] + ")"
		}
		if err := b.put(p, f); err != nil {
			return fmt.Errorf("%s: %w", p.ID, err)
		}
	}
	return nil
}

// fill puts one way of a part into a phrase; the part's slots come last, under "part_slot".
func fill(f phraseYAML, part string, w phraseYAML) phraseYAML {
	ja, en := w.JA, w.EN
	slots := slices.Clone(f.Slots)
	for _, s := range w.Slots {
		name := fmt.Sprint(s.Key)
		inner := part + "_" + name
		ja, en = rename(ja, name, inner), rename(en, name, inner)
		slots = append(slots, yaml.MapItem{Key: inner, Value: s.Value})
	}
	f.Slots = slots
	f.JA = strings.Replace(f.JA, "{>"+part+"}", ja, 1)
	f.EN = strings.Replace(f.EN, "{>"+part+"}", en, 1)
	return f
}

func rename(text, from, to string) string {
	return strings.NewReplacer("{"+from+"}", "{"+to+"}", "{"+from+":", "{"+to+":").Replace(text)
}

var kinds = []Kind{Plain, Table, Comparison, Absence, Hypothesis, Assessment, Recommendation, Quotation, Connective}

func (b *Book) put(p Phrase, y phraseYAML) error {
	if _, twice := b.byID[p.ID]; twice {
		return fmt.Errorf("the id stands twice")
	}
	if !slices.Contains(kinds, p.Kind) {
		return fmt.Errorf("kind %q is none of S1 to S9", p.Kind)
	}
	for _, item := range y.Slots {
		s, err := readSlot(fmt.Sprint(item.Key), fmt.Sprint(item.Value))
		if err != nil {
			return err
		}
		p.Slots = append(p.Slots, s)
	}
	var err error
	if p.ja, err = readText(y.JA, JA); err != nil {
		return err
	}
	if p.en, err = readText(y.EN, EN); err != nil {
		return err
	}
	if err := p.check(); err != nil {
		return err
	}
	b.byID[p.ID] = len(b.phrases)
	b.byBase[p.Base] = append(b.byBase[p.Base], len(b.phrases))
	b.phrases = append(b.phrases, p)
	return nil
}
