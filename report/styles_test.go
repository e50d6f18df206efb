package report

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	variables = regexp.MustCompile(`--([a-z0-9]+):(#[0-9a-f]{3,6})`)
	dark      = regexp.MustCompile(`@media screen and \(prefers-color-scheme:dark\)\{:root\{([^}]*)\}\}`)
)

// themes are the colours of the style sheet by the names of their variables.
func themes(t *testing.T) map[string]map[string]string {
	t.Helper()
	root, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(styles), ":root{"), "}")
	m := dark.FindStringSubmatch(styles)
	if m == nil {
		t.Fatal("the style sheet has no dark colours")
	}
	out := map[string]map[string]string{"light": {}, "dark": {}}
	for name, text := range map[string]string{"light": root, "dark": m[1]} {
		for _, v := range variables.FindAllStringSubmatch(text, -1) {
			out[name][v[1]] = v[2]
		}
	}
	return out
}

// luminance after WCAG 2.1, relative luminance.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	hex := strings.TrimPrefix(colour, "#")
	if len(hex) == 3 {
		hex = strings.Join([]string{hex[:1], hex[:1], hex[1:2], hex[1:2], hex[2:], hex[2:]}, "")
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatalf("colour %q: %v", colour, err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// WCAG 2.1 AA: text has a contrast of 4.5 to its ground, a mark that means something 3.
func TestColoursCanBeRead(t *testing.T) {
	for name, theme := range themes(t) {
		for _, pair := range []struct {
			on, text string
			least    float64
		}{
			{"bg", "fg", 4.5},
			{"bg", "dim", 4.5},
			{"bg", "accent", 4.5},
			{"soft", "fg", 4.5},
			{"soft", "dim", 4.5},
			{"soft", "accent", 4.5},
			{"h1", "fg", 4.5},
			{"h1", "accent", 4.5},
			{"h2", "fg", 4.5},
			{"h3", "fg", 4.5},
			{"h4", "on", 4.5},
			{"h5", "on", 4.5},
			{"bg", "bad", 3},
			{"bg", "warn", 3},
			{"bg", "good", 3},
			{"soft", "bad", 3},
		} {
			a, b := theme[pair.on], theme[pair.text]
			if a == "" || b == "" {
				t.Errorf("%s: there is no colour %q or %q", name, pair.on, pair.text)
				continue
			}
			if got := contrast(t, a, b); got < pair.least {
				t.Errorf("%s: %s %s on %s %s has a contrast of %.2f, want %.1f", name, pair.text, b, pair.on, a, got, pair.least)
			}
		}
	}
}

// Every colour is a variable: one that is not would not follow the theme, nor be tested.
func TestColoursAreVariables(t *testing.T) {
	rest := dark.ReplaceAllString(styles, "")
	_, rest, _ = strings.Cut(rest, "}")
	if m := regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b[^{]*;|(?:rgb|hsl)a?\(|:(?:white|black|red|gray)\b`).FindString(rest); m != "" {
		t.Errorf("the style sheet holds a colour outside its variables: %q", m)
	}
	for _, bad := range []string{"url(", "@import", "content:", "position:", "display:none}.k", "font-size:0"} {
		if strings.Contains(styles, bad) {
			t.Errorf("the style sheet holds %q, which can fetch, add, move or hide words", bad)
		}
	}
}
