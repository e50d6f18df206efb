package awsconn_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/source"
	"uratori/source/awsconn"
	"uratori/source/awstest"
	"uratori/source/call"
)

const hidden = "s3cr3t-of-the-test"

const member = "111122223333"

func open(t *testing.T, services ...string) (*awsconn.Conn, *awstest.Server) {
	t.Helper()
	s := awstest.New(t, services...)
	return connect(t, s, func(*awsconn.Options) {}), s
}

func connect(t *testing.T, s *awstest.Server, change func(*awsconn.Options)) *awsconn.Conn {
	t.Helper()
	opt := awsconn.Options{
		Name: "aws", Region: awstest.Region, Transport: s.Transport(),
		Keys: func(context.Context) (awsconn.Keys, error) {
			b := s.Base()
			return awsconn.Keys{AccessKeyID: b.AccessKeyID, SecretAccessKey: b.SecretAccessKey}, nil
		},
		Caller: call.New(call.Options{Attempts: 2, Failures: 1000, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}),
	}
	change(&opt)
	c, err := awsconn.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A clock that is off costs one refusal: what follows is signed by AWS's, whoever makes the call.
func TestWrongClockIsCorrected(t *testing.T) {
	for _, by := range []time.Duration{time.Hour, -time.Hour, 26 * time.Hour} {
		c, s := open(t, "iam")
		s.Keep(awstest.Secrets{Parameters: map[string]string{"a": hidden}})
		s.Allow(s.Base().ARN, []byte(`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`))
		end := s.Script(awstest.Fault{Do: awstest.Skew, By: by})
		if who, err := c.Whoami(t.Context(), ""); err != nil || who.Account != awstest.Home {
			t.Errorf("%s: %+v, %v", by, who, err)
		}
		if got, err := c.Parameter(t.Context(), "a"); err != nil || got != hidden {
			t.Errorf("%s: a parameter: %v", by, err)
		}
		if got, err := c.Simulate(t.Context(), "", s.Base().ARN, []string{"s3:GetObject"}, "*"); err != nil || len(got) != 1 {
			t.Errorf("%s: %v, %v", by, got, err)
		}
		if n := len(s.Calls()); n != 4 {
			t.Errorf("%s: %d calls; want one more than three", by, n)
		}
		end() // the machine's clock is set right
		if _, err := c.Whoami(t.Context(), ""); err != nil {
			t.Errorf("%s: afterwards: %v", by, err)
		}
	}
}

// A refusal that is none of the clock's stays one, however the clock is.
func TestRefusalWithAWrongClock(t *testing.T) {
	c, s := open(t)
	s.Script(awstest.Fault{Do: awstest.Skew, By: 3 * time.Minute}) // which AWS tolerates
	s.Script(awstest.Fault{Do: awstest.Deny})
	if _, err := c.Whoami(t.Context(), ""); !errors.Is(err, source.ErrDenied) || len(s.Calls()) != 1 {
		t.Errorf("%v after %d calls; want a refusal after one", err, len(s.Calls()))
	}
}

// Whoever waits for credentials that another fetches can leave; they are fetched once.
func TestWaitingForCredentials(t *testing.T) {
	s := awstest.New(t)
	s.Role(member, "uratori", hidden)
	asked, answer := make(chan struct{}), make(chan struct{})
	c := connect(t, s, func(o *awsconn.Options) {
		o.Role = func(account string) (awsconn.Role, bool) {
			return awsconn.Role{ARN: "arn:aws:iam::" + account + ":role/uratori", ExternalID: func(context.Context) (string, error) {
				close(asked) // a second time it panics
				<-answer
				return hidden, nil
			}}, true
		}
	})
	first := make(chan error)
	go func() {
		_, err := c.Credentials(t.Context(), member)
		first <- err
	}()
	<-asked
	why := errors.New("the shift is over")
	ctx, leave := context.WithCancelCause(t.Context())
	leave(why)
	if _, err := c.Credentials(ctx, member); !errors.Is(err, why) {
		t.Errorf("%v; want the cause", err)
	}
	close(answer)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if _, err := c.Credentials(t.Context(), member); err != nil || len(s.Calls()) != 1 {
		t.Errorf("%v after %d calls; want one", err, len(s.Calls()))
	}
}

// The program's own credentials are read once where they end, and again where AWS calls them expired
// before their time, also for an AssumeRole.
func TestOwnCredentialsAreKept(t *testing.T) {
	s := awstest.New(t)
	s.Role(member, "uratori", hidden)
	read := 0
	c := connect(t, s, func(o *awsconn.Options) {
		o.Role = awsconn.RoleNamed("aws", "uratori", hidden)
		o.Keys = func(context.Context) (awsconn.Keys, error) {
			read++
			k := awstest.Credential{
				AccessKeyID: fmt.Sprintf("ASIAEXAMPLE0000000%d1", read), SecretAccessKey: hidden, SessionToken: hidden, Account: awstest.Home, ARN: s.Base().ARN,
			}
			s.AddCredential(k)
			return awsconn.Keys{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken, Expires: time.Now().Add(time.Hour)}, nil
		}
	})
	whoami := func(account string, want int, is error) {
		t.Helper()
		if _, err := c.Whoami(t.Context(), account); !errors.Is(err, is) || read != want {
			t.Errorf("in account %q: %v; the credentials were read %d times, want %d", account, err, read, want)
		}
	}
	whoami("", 1, nil)
	whoami("", 1, nil)
	s.Expire(awstest.Home)
	whoami("", 2, nil)
	s.Expire(awstest.Home)
	whoami(member, 2, source.ErrDenied) // AssumeRole is refused, and not tried again
	whoami(member, 3, nil)
	if n := len(s.Calls("sts:AssumeRole")); n != 2 {
		t.Errorf("%d calls of AssumeRole", n)
	}
}

// What cannot be read of our own is a refusal, which no call is made for.
func TestUnreadableExternalID(t *testing.T) {
	s := awstest.New(t)
	c := connect(t, s, func(o *awsconn.Options) {
		o.Role = func(string) (awsconn.Role, bool) {
			return awsconn.Role{ARN: "arn:aws:iam::111122223333:role/uratori", ExternalID: func(context.Context) (string, error) { return "", errors.New("no such file") }}, true
		}
	})
	if _, err := c.Credentials(t.Context(), member); !errors.Is(err, source.ErrDenied) || !strings.Contains(err.Error(), "external id") || len(s.Calls()) > 0 {
		t.Errorf("%v after %d calls", err, len(s.Calls()))
	}
}

func TestSecretsAreFetched(t *testing.T) {
	c, s := open(t)
	arn := "arn:aws:ssm:us-east-1:" + awstest.Home + ":parameter/uratori/other"
	s.Keep(awstest.Secrets{
		Parameters: map[string]string{"/uratori/token": hidden, arn: hidden, "/uratori/empty": ""},
		Values:     map[string]string{"uratori/token": hidden, "uratori/two": `{"token":"` + hidden + `","n":1}`},
	})
	type fetch func() (string, error)
	parameter := func(name string) fetch { return func() (string, error) { return c.Parameter(t.Context(), name) } }
	value := func(id, key string) fetch { return func() (string, error) { return c.Secret(t.Context(), id, key) } }
	for name, tt := range map[string]struct {
		get  fetch
		want error // nil: the secret
		says string
	}{
		"parameter":             {parameter("/uratori/token"), nil, ""},
		"parameter by ARN":      {parameter(arn), nil, ""},
		"no such parameter":     {parameter("/uratori/none"), source.ErrInvalid, "ParameterNotFound"},
		"empty parameter":       {parameter("/uratori/empty"), source.ErrUnavailable, "no value"},
		"no name":               {parameter("/uratori/to ken"), source.ErrInvalid, "neither the name nor the ARN"},
		"ARN of something else": {parameter("arn:aws:s3:::b"), source.ErrInvalid, "neither"},
		"secret":                {value("uratori/token", ""), nil, ""},
		"member":                {value("uratori/two", "token"), nil, ""},
		"no such member":        {value("uratori/two", "other"), errors.ErrUnsupported, "no member"},
		"member of no text":     {value("uratori/two", "n"), errors.ErrUnsupported, "no member"},
		"member of no object":   {value("uratori/token", "token"), errors.ErrUnsupported, "no JSON object"},
		"no such secret":        {value("uratori/none", ""), source.ErrInvalid, "can't find"},
		"no id":                 {value("a\nb", ""), source.ErrInvalid, "neither"},
	} {
		got, err := tt.get()
		switch {
		case tt.want == nil && (err != nil || got != hidden):
			t.Errorf("%s: %v", name, err)
		case tt.want != nil && (err == nil || got != "" || !strings.Contains(err.Error(), tt.says) || !errors.Is(tt.want, errors.ErrUnsupported) && !errors.Is(err, tt.want)):
			t.Errorf("%s: %v; want %q", name, err, tt.says)
		case err != nil && strings.Contains(err.Error(), hidden):
			t.Errorf("%s: the error tells the secret", name)
		}
	}
	if calls := s.Calls("ssm:GetParameter"); !slices.ContainsFunc(calls, func(c awstest.Call) bool { return c.Region == "us-east-1" }) {
		t.Error("a parameter named by its ARN was not asked for in the ARN's Region")
	}
	for trouble, want := range map[awstest.Trouble]error{
		awstest.Deny: source.ErrDenied, awstest.Throttle: source.ErrThrottled, awstest.Truncate: source.ErrUnavailable, awstest.WrongType: source.ErrUnavailable, awstest.NoBody: source.ErrUnavailable,
	} {
		end := s.Script(awstest.Fault{Do: trouble})
		for _, get := range []fetch{parameter("/uratori/token"), value("uratori/token", "")} {
			if got, err := get(); got != "" || !errors.Is(err, want) || strings.Contains(fmt.Sprint(err), hidden) {
				t.Errorf("%s: %v; want %v", trouble, err, want)
			}
		}
		end()
	}
}

// A meter that allows so many calls.
type few int

func (f *few) Take(api string) error {
	if *f--; *f < 0 {
		return fmt.Errorf("%s: %w", api, source.ErrBudget)
	}
	return nil
}
func (*few) Note(source.Call) {}

func TestSecretsAreMetered(t *testing.T) {
	c, s := open(t)
	s.Keep(awstest.Secrets{Parameters: map[string]string{"a": hidden}, Values: map[string]string{"a": hidden}})
	budget := few(1)
	ctx := source.WithMeter(t.Context(), &budget)
	if _, err := c.Parameter(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Secret(ctx, "a", ""); !errors.Is(err, source.ErrBudget) || len(s.Calls()) != 1 {
		t.Errorf("the budget allows one call: %v, %d calls", err, len(s.Calls()))
	}
}

func TestSimulate(t *testing.T) {
	c, s := open(t, "iam")
	arn := s.Base().ARN
	s.Allow(arn, []byte(`{"Statement":[{"Effect":"Allow","Action":["s3:Get*","iam:GetUser"],"Resource":"arn:aws:s3:::logs/*"},{"Effect":"Allow","Action":"ec2:DescribeInstances","Resource":"*"}]}`))
	var many []string
	for i := range 150 {
		many = append(many, fmt.Sprintf("s3:Other%d", i))
	}
	got, err := c.Simulate(t.Context(), "", arn, append(many, "s3:GetObject", "s3:PutObject", "ec2:DescribeInstances"), "arn:aws:s3:::logs/a/b")
	if want := []string{"ec2:DescribeInstances", "s3:GetObject"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	if got, err := c.Simulate(t.Context(), "", arn, []string{"s3:GetObject", "ec2:DescribeInstances"}, "*"); err != nil || !slices.Equal(got, []string{"ec2:DescribeInstances"}) {
		t.Errorf("%v, %v; a statement about some objects allows none in general", got, err)
	}
	end := s.Script(awstest.Fault{Operation: "SimulatePrincipalPolicy", Do: awstest.Deny})
	if _, err := c.Simulate(t.Context(), "", arn, []string{"s3:GetObject"}, "*"); !errors.Is(err, source.ErrDenied) {
		t.Errorf("refused: %v", err)
	}
	end()
	for _, trouble := range []awstest.Trouble{awstest.SameToken, awstest.EndlessToken} {
		end := s.Script(awstest.Fault{Operation: "SimulatePrincipalPolicy", Do: trouble})
		s.Forget()
		if _, err := c.Simulate(t.Context(), "", arn, many[:20], "*"); err == nil || len(s.Calls()) > 110 {
			t.Errorf("%s: %v after %d calls", trouble, err, len(s.Calls()))
		}
		end()
	}
}

func TestPrincipal(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:iam::111122223333:user/ops/ada":                                    "arn:aws:iam::111122223333:user/ops/ada",
		"arn:aws:sts::111122223333:assumed-role/uratori-member/uratori":             "arn:aws:iam::111122223333:role/uratori-member",
		"arn:aws-us-gov:sts::111122223333:assumed-role/r/s":                         "arn:aws-us-gov:iam::111122223333:role/r",
		"arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Read_0123/a@b.co.jp": "",
		"arn:aws:iam::111122223333:root":                                            "",
		"arn:aws:sts::111122223333:federated-user/x":                                "",
		"": "",
	} {
		got, ok := awsconn.Identity{ARN: arn}.Principal()
		if got != want || ok != (want != "") {
			t.Errorf("%s is a session of %q; want %q", arn, got, want)
		}
	}
}

func TestClockAndKey(t *testing.T) {
	c, s := open(t, "iam")
	made := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	s.Serve(awstest.World{IAM: map[string]awstest.IAM{awstest.Home: {Users: map[string]awstest.IAMUser{"uratori": {Created: made, Keys: []awstest.AccessKey{{ID: s.Base().AccessKeyID, Status: "Active", Created: made}}}}}}})
	if _, ok := c.Skew(); ok {
		t.Error("AWS's clock is told before it was asked")
	}
	end := s.Script(awstest.Fault{Do: awstest.Skew, By: 3 * time.Minute})
	if _, err := c.Whoami(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if skew, ok := c.Skew(); !ok || (skew-3*time.Minute).Abs() > 2*time.Second {
		t.Errorf("the clocks differ by %s, %v; want 3m", skew, ok)
	}
	end()
	if got, err := c.KeyMade(t.Context(), "uratori", s.Base().AccessKeyID); err != nil || !got.Equal(made) {
		t.Errorf("the key was made %s, %v", got, err)
	}
	if _, err := c.KeyMade(t.Context(), "uratori", "AKIAEXAMPLE000000009"); !errors.Is(err, source.ErrUnavailable) {
		t.Errorf("a key that is not told of: %v", err)
	}
}
