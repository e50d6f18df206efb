package awstest

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Systems Manager and Secrets Manager have no model beside the project. What is answered for them is
// written by hand after the examples of GetParameter in the AWS Systems Manager API Reference and of
// GetSecretValue in the AWS Secrets Manager API Reference; requests may hold the members used there
// and no others, and must be signed like all others.

// Secrets are what Systems Manager and Secrets Manager keep in one account.
type Secrets struct {
	Account    string            // "" is [Home]
	Parameters map[string]string // by name or ARN
	Values     map[string]string // of Secrets Manager, by name or ARN
}

// Keep lets the server answer for Systems Manager and Secrets Manager.
func (s *Server) Keep(k Secrets) {
	if k.Account == "" {
		k.Account = Home
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = &k
}

// keepers are the operations of those services with the members that a request may have.
var keepers = map[string]struct {
	service, operation string
	members            []string
}{
	"AmazonSSM.GetParameter":        {"ssm", "GetParameter", []string{"Name", "WithDecryption"}},
	"secretsmanager.GetSecretValue": {"secretsmanager", "GetSecretValue", []string{"SecretId"}},
}

// keeps answers a request for a secret, if the server keeps any and the request is for one.
func (s *Server) keeps(r *http.Request, body []byte) (reply, bool) {
	s.mu.Lock()
	k := s.kept
	s.mu.Unlock()
	call, ok := keepers[r.Header.Get("X-Amz-Target")]
	if k == nil || !ok {
		return reply{}, false
	}
	who, sig, err := s.known(r, body)
	req := Request{Service: call.service, Operation: call.operation, Account: who.Account, ARN: who.ARN, Region: sig.region, Time: s.clock().UTC()}
	f := s.fault(req)
	in := map[string]any{}
	switch {
	case err != nil:
	case sig.service != call.service:
		s.wrong("%s:%s is signed for %q", call.service, call.operation, sig.service)
		err = &Error{Code: "InvalidSignatureException"}
	case f.Do.refuses():
		err = f.err()
	case s.tooFast(req):
		f.Do, err = Throttle, &Error{Code: "ThrottlingException", Message: "Rate exceeded"}
	case r.Header.Get("Content-Type") != "application/x-amz-json-1.1" || json.Unmarshal(body, &in) != nil:
		s.wrong("%s:%s: the body is no JSON 1.1", call.service, call.operation)
		err = &Error{Code: "SerializationException"}
	}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if !slices.Contains(call.members, name) {
			s.wrong("%s:%s has no member %q that is known here", call.service, call.operation, name)
		}
	}
	var out any
	if err == nil {
		out, err = k.value(req, in)
	}
	answer := reply{status: 200, header: http.Header{}, trouble: f.Do, by: f.By}
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{Code: "InternalFailure"}
		}
		answer.status = max(e.Status, 400)
		if c, ok := common[e.Code]; ok {
			answer.status = c.status
		}
		out = map[string]any{"__type": e.Code, "message": e.Message}
	}
	answer.header.Set("Content-Type", "application/x-amz-json-1.1")
	answer.header.Set("Date", s.clock().UTC().Format(http.TimeFormat))
	answer.body = encode(out)
	s.log(Call{Service: req.Service, Operation: req.Operation, Account: req.Account, Region: req.Region, Time: time.Now(), Status: answer.status, Trouble: f.Do})
	return answer, true
}

func (k Secrets) value(req Request, in map[string]any) (any, error) {
	id, _ := in["Name"].(string)
	kept, missing := k.Parameters, &Error{Code: "ParameterNotFound"}
	if req.Service == "secretsmanager" {
		id, _ = in["SecretId"].(string)
		kept, missing = k.Values, &Error{Code: "ResourceNotFoundException", Message: "Secrets Manager can't find the specified secret."}
	}
	text, ok := kept[id]
	name := id[strings.LastIndex(id, ":")+1:]
	switch {
	case !ok || req.Account != k.Account:
		return nil, missing
	case req.Service == "secretsmanager":
		return map[string]any{
			"ARN": "arn:aws:secretsmanager:" + req.Region + ":" + k.Account + ":secret:" + name + "-a1b2c3", "Name": name, "SecretString": text,
			"VersionId": "00000000-0000-4000-a000-000000000001", "VersionStages": []string{"AWSCURRENT"}, "CreatedDate": 1.7e9,
		}, nil
	}
	if in["WithDecryption"] != true {
		text = "encrypted" // as it is kept
	}
	return map[string]any{"Parameter": map[string]any{
		"ARN": "arn:aws:ssm:" + req.Region + ":" + k.Account + ":parameter/" + strings.TrimPrefix(name, "/"), "DataType": "text", "LastModifiedDate": 1.7e9,
		"Name": name, "Type": "SecureString", "Value": text, "Version": 1,
	}}, nil
}
