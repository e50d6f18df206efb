package awsconn

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"uratori/source"
	"uratori/source/call"
)

// The codes by which AWS services refuse credentials or permission, and by which they throttle
// (common errors of the API References of STS, EC2 and S3; throttle codes of the SDK's retryer).
var (
	deniedCodes = []string{
		"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "AuthFailure", "Blocked", "ExpiredToken", "ExpiredTokenException",
		"ForbiddenException", "IncompleteSignature", "IncompleteSignatureException", "InvalidAccessKeyId", "InvalidClientTokenId",
		"InvalidSecurity", "InvalidSignatureException", "InvalidToken", "MissingAuthenticationToken", "MissingAuthenticationTokenException",
		"NotAuthorized", "NotSignedUp", "OptInRequired", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch",
		"UnauthorizedOperation", "UnrecognizedClientException",
	}
	throttledCodes = []string{
		"BandwidthLimitExceeded", "EC2ThrottledException", "LimitExceededException", "PriorRequestNotComplete", "RequestLimitExceeded",
		"RequestThrottled", "RequestThrottledException", "SlowDown", "ThrottledException", "Throttling", "ThrottlingException",
		"TooManyRequestsException", "TransactionInProgressException",
	}
	// UnknownError is the SDK's code for an answer without one, such as a gateway's page.
	unavailableCodes = []string{"InternalError", "InternalFailure", "InternalServerError", "InternalServerErrorException", "RequestTimeout", "ServiceException", "ServiceUnavailable", "Unavailable", "UnknownError"}
	expiredCodes     = []string{"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
	clockCodes       = []string{"AuthFailure", "InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch"}
)

// Code is the service's code of an error, such as "NoSuchBucket"; "" when no service gave it.
func Code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}

func expired(err error) bool { return slices.Contains(expiredCodes, Code(err)) }

// denied makes an error a refusal, unless it is something else already.
func denied(err error) error {
	for _, s := range []error{source.ErrDenied, source.ErrInvalid, source.ErrThrottled, source.ErrUnavailable, source.ErrBudget, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, s) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", source.ErrDenied, err)
}

// A marked error is an SDK's error with what it means. It says of the SDK's error what the service
// said or what went wrong, and not the operation and the request id, which changes from run to run.
type marked struct {
	means error
	err   error
}

func (m marked) Error() string {
	text := m.err.Error()
	var e smithy.APIError
	if errors.As(m.err, &e) {
		text = strings.TrimSuffix(e.ErrorCode()+": "+e.ErrorMessage(), ": ")
	} else if resp := new(smithyhttp.ResponseError); errors.As(m.err, &resp) {
		text = resp.Err.Error()
	} else if inner := new(smithy.OperationError); errors.As(m.err, &inner) {
		text = inner.Err.Error()
	}
	return m.means.Error() + ": " + text
}

func (m marked) Unwrap() []error { return []error{m.means, m.err} }

// meaning wraps what an attempt came to with the sentinel that callers act on. ctx is the
// caller's: when it ended, nothing is wrong with AWS. misdated tells that the request was signed by
// a clock that is off.
func meaning(ctx context.Context, err error, misdated bool) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if sent := new(url.Error); errors.As(err, &sent) { // no response came: what is around it names the request
		err = sent.Err
	}
	for _, s := range []error{source.ErrDenied, source.ErrInvalid, source.ErrThrottled, source.ErrUnavailable, source.ErrBudget} {
		if errors.Is(err, s) {
			return err
		}
	}
	status := 0
	var after time.Duration
	if r := new(smithyhttp.ResponseError); errors.As(err, &r) && r.Response != nil {
		status = r.HTTPStatusCode()
		if s, bad := strconv.Atoi(r.Response.Header.Get("Retry-After")); bad == nil && s > 0 {
			after = time.Duration(s) * time.Second
		}
	}
	code := Code(err)
	means := source.ErrUnavailable
	switch {
	case slices.Contains(throttledCodes, code), status == 429:
		means = source.ErrThrottled
	case misdated && slices.Contains(clockCodes, code): // the next attempt is signed by AWS's clock
	case slices.Contains(deniedCodes, code):
		means = source.ErrDenied
	case slices.Contains(unavailableCodes, code), status >= 500:
	case code != "" && status >= 400, code != "" && status == 301: // the service's own answer, which will not change
		means = source.ErrInvalid
		if status == 401 || status == 403 {
			means = source.ErrDenied
		}
	}
	out := error(marked{means, err})
	if after > 0 && !errors.Is(means, source.ErrInvalid) && !errors.Is(means, source.ErrDenied) {
		out = &call.RetryAfter{Err: out, In: after}
	}
	return out
}
