package awstest

import (
	"fmt"
	"strings"
	"time"
)

// A role can be assumed by who knows its external id.
type role struct{ account, externalID string }

// Role makes a role of an account and returns its ARN. An empty external id asks for none.
func (s *Server) Role(account, name, externalID string) (arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	arn = "arn:aws:iam::" + account + ":role/" + name
	s.roles[arn] = role{account, externalID}
	return arn
}

// Expire makes all credentials that were given for an account old; an empty account means any.
func (s *Server) Expire(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, c := range s.credentials {
		if c.SessionToken != "" && (account == "" || c.Account == account) {
			c.expired = true
			s.credentials[k] = c
		}
	}
}

// assumeRole gives temporary credentials. A role that does not exist is refused in the same words
// as a wrong external id, as STS does.
func (s *Server) assumeRole(req Request) (any, error) {
	var in struct {
		RoleArn, RoleSessionName, ExternalID string
		DurationSeconds                      int64
	}
	if err := req.Into(&in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.roles[in.RoleArn]
	if !ok || r.externalID != in.ExternalID {
		return nil, &Error{Code: "AccessDeniedException", Message: fmt.Sprintf("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", req.ARN, in.RoleArn)}
	}
	if in.DurationSeconds == 0 {
		in.DurationSeconds = 3600
	}
	n := len(s.credentials)
	name := in.RoleArn[strings.LastIndex(in.RoleArn, "/")+1:]
	c := Credential{
		AccessKeyID: fmt.Sprintf("ASIAEXAMPLE%09d", n), SecretAccessKey: fmt.Sprintf("invented/secret/of/session/%013d", n),
		SessionToken: fmt.Sprintf("invented-session-token-%d", n), Account: r.account,
		ARN:     fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", r.account, name, in.RoleSessionName),
		Expires: req.Time.Add(time.Duration(in.DurationSeconds) * time.Second).UTC().Truncate(time.Second),
	}
	s.credentials[c.AccessKeyID] = c
	return map[string]any{
		"Credentials": map[string]any{
			"AccessKeyId": c.AccessKeyID, "SecretAccessKey": c.SecretAccessKey, "SessionToken": c.SessionToken, "Expiration": c.Expires,
		},
		"AssumedRoleUser": map[string]any{"AssumedRoleId": "AROAEXAMPLE0000000001:" + in.RoleSessionName, "Arn": c.ARN},
	}, nil
}

func (s *Server) callerIdentity(req Request) (any, error) {
	return map[string]any{"Account": req.Account, "Arn": req.ARN, "UserId": "AIDAEXAMPLE0000000001"}, nil
}
