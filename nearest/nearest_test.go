package nearest

import (
	"strings"
	"testing"
)

func TestWord(t *testing.T) {
	known := []string{"access_key", "event_name", "event_time", "raw"}
	for word, want := range map[string]string{
		"acces_key": "access_key", "even_tname": "event_name", "evnt_time": "event_time", "rwa": "raw",
		"entirely_else": "", strings.Repeat("a", 10_000): "",
	} {
		if got, ok := Word(word, known); got != want || ok != (want != "") {
			t.Errorf("Word(%.20q) = %q, %v; want %q", word, got, ok, want)
		}
	}
	if _, ok := Word("x", nil); ok {
		t.Error("a word was found among none")
	}
}
