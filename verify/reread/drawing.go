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

// timeline reads the drawing of points in time: each must stand where its time is, and so the
// bar of the event.
func (h *hypertext) timeline(l *timeline) *Refusal {
	if l == nil {
		return nil
	}
	place := func(at time.Time) int {
		return timelineLeft + int(timelineWidth*(at.Sub(l.first).Seconds()/l.last.Sub(l.first).Seconds()))
	}
	if r := h.markup(`<figure class="timeline"><svg viewBox="0 0 720 62" role="img" aria-label="`); r != nil {
		return r
	}
	if r := h.plainly(func(t *tape) bool { return t.instant(l.first) && t.literal(" – ") && t.instant(l.last) }); r != nil {
		return r
	}
	if r := h.markup("\">\n", "<line x1=\"20\" y1=\"31\" x2=\"700\" y2=\"31\"/>\n"); r != nil {
		return r
	}
	for _, m := range l.marks {
		if r := h.markup(`<circle class="`, m.phase); r != nil {
			return r
		}
		if r := h.stands(`" cx="#" cy="31" r="5"><title>`, place(m.at)); r != nil {
			return r
		}
		whole := m.at.Truncate(time.Second)
		if r := h.plainly(func(t *tape) bool { return t.stamp(whole) && t.literal(" ") && t.visible(m.text, len(m.text)+1) }); r != nil {
			return r
		}
		if r := h.markup("</title></circle>\n"); r != nil {
			return r
		}
	}
	if r := h.stands(`<rect class="event" x="#" y="19" width="3" height="24"/>`+"\n", place(l.event)-1); r != nil {
		return r
	}
	for _, label := range []struct {
		shape string
		x     int
		at    time.Time
	}{
		{`<text x="#" y="12" text-anchor="middle">`, min(max(place(l.event), 100), 620), l.event},
		{`<text x="#" y="58" text-anchor="start">`, 10, l.first},
		{`<text x="#" y="58" text-anchor="end">`, 710, l.last},
	} {
		if r := first(
			func() *Refusal { return h.stands(label.shape, label.x) },
			func() *Refusal { return h.plainly(func(t *tape) bool { return t.instant(label.at) }) },
			func() *Refusal { return h.markup("</text>\n") },
		); r != nil {
			return r
		}
	}
	return first(
		func() *Refusal { return h.markup("</svg><figcaption>") },
		func() *Refusal { return h.plainly(wordCell("timeline_key")) },
		func() *Refusal { return h.markup("</figcaption></figure>\n") },
	)
}

// stands reads a piece of markup whose one number is a place, which may be off by rounding.
func (h *hypertext) stands(shape string, want int) *Refusal {
	got, r := h.shape(shape)
	if r == nil && (got[0] < want-1 || got[0] > want+1) {
		return h.refuse("the point stands at %d; its time is at %d", got[0], want)
	}
	return r
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

// A heat map is a grid of cells of heatCell by heatHigh, right of heatLeft and below heatTop.
const heatCell, heatHigh, heatLeft, heatTop = 26, 19, 50, 20

// heat reads the drawing of counts by weekday and hour: every count must stand in its square,
// every square have its shade, and the frame stand around the event's.
func (h *hypertext) heat(b heat) *Refusal {
	if r := h.markup(`<figure class="heat"><svg viewBox="0 0 678 157" role="img" aria-label="`); r != nil {
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
		n, r := h.shape(`<rect class="event" x="#" y="#" width="26" height="19"><title>`)
		if r != nil {
			return r
		}
		if n[0] != heatLeft+b.event[1]*heatCell-1 || n[1] != heatTop+b.event[0]*heatHigh-1 {
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
	y := heatTop + d*heatHigh
	n, r := h.shape(`<text x="#" y="#" text-anchor="end">`)
	if r != nil {
		return r
	}
	if n[0] != heatLeft-8 || n[1] != y+13 {
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
		n, r := h.shape(`<rect class="h#" x="#" y="#" width="24" height="17"/>`)
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
			if n[0] != level || n[1] != x+heatCell/2-1 || n[2] != y+13 || int64(n[3]) != want {
				return h.refuse("day %d, hour %d has %d", d, hour, want)
			}
		}
		if r := h.markup("\n"); r != nil {
			return r
		}
	}
	return nil
}
