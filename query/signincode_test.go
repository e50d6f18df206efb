package query

import (
	"strconv"
	"testing"
	"unicode"
)

// The codes that real sign-ins carry without anybody having been refused, and those that mean a
// refused attempt, by Microsoft's reference.
func TestSignInCodes(t *testing.T) {
	for want, codes := range map[Result][]int{
		Success: {0},
		Interrupt: {
			16000, 50055, 50058, 50072, 50074, 50076, 50079, 50097, 50125, 50127, 50129, 50140, 50155, 50158, 50201, 65001, 90072,
		},
		Failure: {-1, 1, 50020, 50034, 50053, 50057, 50126, 50131, 50133, 50173, 53003, 500121, 7000215, 999999},
	} {
		for _, code := range codes {
			if got, m := SignInCode(code); got != want || m.JA == "" || m.EN == "" {
				t.Errorf("SignInCode(%d) = %s %q, want %s", code, got, m, want)
			}
		}
	}
	if _, m := SignInCode(999999); m.EN != "other error" {
		t.Errorf("an unknown code is said to mean %q", m.EN)
	}
}

func TestSignInCodeTablesAreSound(t *testing.T) {
	for code := range interrupts {
		if _, both := failures[code]; both || code == 0 {
			t.Errorf("%d stands in two tables", code)
		}
	}
	for _, table := range []map[int]Meaning{interrupts, failures} {
		for code, m := range table {
			japanese := false
			for _, r := range m.JA {
				japanese = japanese || unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
			}
			if !japanese || m.EN == "" || m.EN == strconv.Itoa(code) {
				t.Errorf("%d means %q, %q", code, m.JA, m.EN)
			}
			for _, r := range m.EN {
				if r > unicode.MaxASCII {
					t.Errorf("%d: %q is no English", code, m.EN)
				}
			}
		}
	}
}

// Every code of the real sign-ins has a name.
func TestRealSignInCodesHaveNames(t *testing.T) {
	schema, _ := SchemaOf(SignIn)
	spec, err := schema.Field("error_code")
	if err != nil {
		t.Fatal(err)
	}
	counts := map[Result]int{}
	for _, r := range records(t, "entra/*.jsonl") {
		text, _ := lookUp(spec, r).(string)
		code, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("code %v", lookUp(spec, r))
		}
		res, m := SignInCode(code)
		counts[res]++
		if m.EN == "other error" {
			t.Errorf("%d has no name", code)
		}
	}
	if counts[Success] != 374 || counts[Interrupt] != 11 || counts[Failure] != 1 {
		t.Errorf("results are %v; want 374 successes, 11 interrupts, 1 failure", counts)
	}
}
