package reread

import (
	"strconv"
	"strings"
	"time"
)

// shape reads a piece of markup in which each # is a whole number.
func (h *hypertext) shape(pattern string) (numbers []int, r *Refusal) {
	parts := strings.Split(pattern, "#")
	for i, p := range parts {
		if r := h.markup(p); r != nil {
			return nil, r
		}
		if i+1 == len(parts) {
			break
		}
		n := 0
		for n < 9 && h.at+n < len(h.text) && (h.text[h.at+n] >= '0' && h.text[h.at+n] <= '9' || n == 0 && h.text[h.at] == '-') {
			n++
		}
		number, err := strconv.Atoi(h.text[h.at : h.at+n])
		if err != nil {
			return nil, h.refuse("a number was expected")
		}
		numbers = append(numbers, number)
		h.at += n
	}
	return numbers, nil
}

// The line of a timeline goes from timelineLeft over timelineWidth.
const timelineLeft, timelineWidth = 20, 680

// timeline reads the drawing of points in time: each must stand where its time is.
func (h *hypertext) timeline(marks []mark) *Refusal {
	if len(marks) < 2 {
		return nil
	}
	first, last := marks[0].at, marks[len(marks)-1].at
	span := last.Sub(first)
	if span <= 0 {
		return nil
	}
	if r := h.markup(`<svg class="timeline" viewBox="0 0 720 60" role="img" aria-label="`); r != nil {
		return r
	}
	if r := h.plainly(func(t *tape) bool { return t.stamp(first) && t.literal(" – ") && t.stamp(last) }); r != nil {
		return r
	}
	if r := h.markup("\">\n", "<line x1=\"20\" y1=\"30\" x2=\"700\" y2=\"30\"/>\n"); r != nil {
		return r
	}
	for _, m := range marks {
		if r := h.markup(`<circle class="`, m.phase); r != nil {
			return r
		}
		at, r := h.shape(`" cx="#" cy="30" r="5"><title>`)
		if r != nil {
			return r
		}
		want := timelineLeft + int(timelineWidth*(m.at.Sub(first).Seconds()/span.Seconds()))
		if at[0] < want-1 || at[0] > want+1 {
			return h.refuse("the point stands at %d; its time is at %d", at[0], want)
		}
		whole := m.at.Truncate(time.Second)
		if r := h.plainly(func(t *tape) bool { return t.stamp(whole) && t.literal(" ") && t.visible(m.text, len(m.text)+1) }); r != nil {
			return r
		}
		if r := h.markup("</title></circle>\n"); r != nil {
			return r
		}
	}
	return h.markup("</svg>\n")
}

// stamp reads RFC 3339 in UTC.
func (t *tape) stamp(want time.Time) bool {
	s := t.rest()
	end := strings.IndexByte(s, 'Z') + 1
	got, err := time.Parse(time.RFC3339Nano, s[:end])
	if err != nil || !got.Equal(want) {
		return t.no("it says %q; the evidence says %s", head(s), want.UTC().Format(time.RFC3339Nano))
	}
	return t.literal(s[:end])
}

// A heat map is a grid of squares of heatCell, right of heatLeft and below heatTop.
const heatCell, heatLeft, heatTop = 26, 50, 22

// heat reads the drawing of counts by weekday and hour: every count must stand in its square,
// every square have its shade, and the frame stand around the event's.
func (h *hypertext) heat(b heat) *Refusal {
	if r := h.markup(`<figure class="heat"><svg viewBox="0 0 678 208" role="img" aria-label="`); r != nil {
		return r
	}
	if r := h.exact(h.book.Word("weekday_hour", h.lang)); r != nil {
		return r
	}
	if r := h.markup("\">\n"); r != nil {
		return r
	}
	for hour := range 24 {
		n, r := h.shape("<text x=\"#\" y=\"14\" text-anchor=\"middle\">#</text>\n")
		if r != nil {
			return r
		}
		if n[0] != heatLeft+hour*heatCell+heatCell/2 || n[1] != hour {
			return h.refuse("the heading of hour %d was expected", hour)
		}
	}
	most := int64(1)
	for _, day := range b.counts {
		for _, n := range day {
			most = max(most, n)
		}
	}
	for d, day := range b.counts {
		if r := h.heatDay(d, day, most); r != nil {
			return r
		}
	}
	if b.event != nil {
		n, r := h.shape(`<rect class="event" x="#" y="#" width="26" height="26"><title>`)
		if r != nil {
			return r
		}
		if n[0] != heatLeft+b.event[1]*heatCell-1 || n[1] != heatTop+b.event[0]*heatCell-1 {
			return h.refuse("the event's frame stands at another hour")
		}
		note := h.book.Word("event_mark", h.lang)
		for _, after := range []string{"</title></rect>\n</svg><figcaption><span class=\"key\"></span> ", "</figcaption>"} {
			if r := h.exact(note); r != nil {
				return r
			}
			if r := h.markup(after); r != nil {
				return r
			}
		}
		return h.markup("</figure>\n")
	}
	return h.markup("</svg></figure>\n")
}

func (h *hypertext) heatDay(d int, counts [24]int64, most int64) *Refusal {
	y := heatTop + d*heatCell
	n, r := h.shape(`<text x="#" y="#" text-anchor="end">`)
	if r != nil {
		return r
	}
	if n[0] != heatLeft-8 || n[1] != y+17 {
		return h.refuse("the name of a day stands at another place")
	}
	if r := h.plainly(dayCell(d)); r != nil {
		return r
	}
	if r := h.markup("</text>\n"); r != nil {
		return r
	}
	for hour, want := range counts {
		level := 0
		if want > 0 {
			level = int(1 + 4*(want-1)/most)
		}
		x := heatLeft + hour*heatCell
		n, r := h.shape(`<rect class="h#" x="#" y="#" width="24" height="24"/>`)
		if r != nil {
			return r
		}
		if n[0] != level || n[1] != x || n[2] != y {
			return h.refuse("the square of day %d, hour %d was expected in shade %d", d, hour, level)
		}
		if want > 0 {
			if n, r = h.shape(`<text class="n#" x="#" y="#" text-anchor="middle">#</text>`); r != nil {
				return r
			}
			if n[0] != level || n[1] != x+heatCell/2-1 || n[2] != y+16 || int64(n[3]) != want {
				return h.refuse("day %d, hour %d has %d", d, hour, want)
			}
		}
		if r := h.markup("\n"); r != nil {
			return r
		}
	}
	return nil
}
