package report

import "strings"

// Summary is the first chapter as plain lines for a terminal, without anchors. Nothing in it
// can move a cursor or change a colour: values are in the value layer.
func Summary(doc Document) string {
	var b strings.Builder
	for _, ch := range doc.Chapters {
		if ch.ID != "summary" {
			continue
		}
		for _, s := range ch.Sections {
			for _, block := range s.Blocks {
				if l, ok := block.(Line); ok {
					b.WriteString(text(l.Runs) + "\n")
				}
			}
		}
	}
	return b.String()
}
