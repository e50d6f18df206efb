package awstest

import (
	"encoding/json"
	"strconv"
	"strings"
)

// An allowance is one statement of a policy that allows; the double knows no other.
type allowance struct{ actions, resources []string }

// Allow gives a user or role, by ARN, policies as IAM takes them. They are what
// SimulatePrincipalPolicy judges by; other calls are let through whatever they say.
func (s *Server) Allow(principal string, policies ...[]byte) {
	s.t.Helper()
	type words []string
	read := func(raw json.RawMessage) (out words) {
		var one string
		if json.Unmarshal(raw, &one) == nil {
			return words{one}
		}
		if err := json.Unmarshal(raw, &out); err != nil {
			s.t.Fatalf("awstest: %s is neither a text nor a list", raw)
		}
		return out
	}
	var list []allowance
	for _, p := range policies {
		var doc struct {
			Statement []struct {
				Effect           string
				Action, Resource json.RawMessage
			}
		}
		if err := json.Unmarshal(p, &doc); err != nil {
			s.t.Fatalf("awstest: this is no policy: %v", err)
		}
		for _, st := range doc.Statement {
			if st.Effect != "Allow" {
				s.t.Fatalf("awstest: the effect %q is not known here", st.Effect)
			}
			list = append(list, allowance{read(st.Action), read(st.Resource)})
		}
	}
	s.mu.Lock()
	if s.allowed == nil {
		s.allowed = map[string][]allowance{}
	}
	s.allowed[principal] = list
	s.mu.Unlock()
	s.Handle("iam", "SimulatePrincipalPolicy", s.simulate)
}

// like matches a pattern of IAM, in which "*" stands for any text and "?" for one character.
func like(pattern, text string) bool {
	if pattern == "" {
		return text == ""
	}
	switch pattern[0] {
	case '*':
		for i := 0; i <= len(text); i++ {
			if like(pattern[1:], text[i:]) {
				return true
			}
		}
		return false
	case '?':
		return text != "" && like(pattern[1:], text[1:])
	}
	return text != "" && text[0] == pattern[0] && like(pattern[1:], text[1:])
}

// simulatedPage is how many results one answer holds, so that most have several pages.
const simulatedPage = 7

func (s *Server) simulate(req Request) (any, error) {
	principal := req.Text("PolicySourceArn")
	s.mu.Lock()
	list, known := s.allowed[principal]
	s.mu.Unlock()
	if parts := strings.Split(principal, ":"); !known || len(parts) < 5 || parts[4] != req.Account {
		return nil, noSuch("The principal " + principal)
	}
	actions, _ := req.Input["ActionNames"].([]any)
	resources, _ := req.Input["ResourceArns"].([]any)
	if len(resources) == 0 {
		resources = []any{"*"}
	}
	results := []any{}
	for _, a := range actions {
		for _, r := range resources {
			action, resource := a.(string), r.(string)
			decision := "implicitDeny"
			for _, al := range list {
				if some(al.actions, strings.ToLower(action), strings.ToLower) && some(al.resources, resource, strings.Clone) {
					decision = "allowed"
				}
			}
			results = append(results, map[string]any{"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": decision})
		}
	}
	page, next, ok := page(results, simulatedPage, req.Text("Marker"))
	if !ok {
		return nil, &Error{Code: "InvalidInputException", Message: "Invalid Marker " + strconv.Quote(req.Text("Marker"))}
	}
	return map[string]any{"EvaluationResults": page, "IsTruncated": next != nil, "Marker": next}, nil
}

func some(patterns []string, text string, fold func(string) string) bool {
	for _, p := range patterns {
		if like(fold(p), text) {
			return true
		}
	}
	return false
}
