package local

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// secretKeys are the members whose text is a secret, in lower case, wherever they stand in a
// record. Sources: the response elements of AWS STS (AssumeRole*, GetSessionToken,
// GetFederationToken), IAM CreateAccessKey and CreateLoginProfile, access portal
// GetRoleCredentials, RDS and Redshift master passwords, Secrets Manager, EC2 key pairs,
// Cognito and OAuth tokens. CloudTrail hides most of them itself.
var secretKeys = map[string]bool{
	"sessiontoken": true, "secretaccesskey": true, "password": true, "masteruserpassword": true,
	"newpassword": true, "oldpassword": true, "previouspassword": true, "proposedpassword": true,
	"secretstring": true, "secretbinary": true, "keymaterial": true, "privatekey": true,
	"privatekeydata": true, "accesstoken": true, "idtoken": true, "refreshtoken": true,
	"clientsecret": true, "authtoken": true, "x-amz-security-token": true, "samlassertion": true,
	"webidentitytoken": true, "userpassword": true, "secretkey": true,
}

// secretLetters are the last and the middle letters of those names, by length and first letter: a
// quick look that rules most names out.
var secretLetters = func() (out [41][32]struct{ last, middle uint32 }) {
	for k := range secretKeys {
		of := &out[len(k)][k[0]&31]
		of.last |= 1 << (k[len(k)-1] & 31)
		of.middle |= 1 << (k[len(k)/2] & 31)
	}
	return out
}()

// mayBeSecret tells whether a member's name is one of them.
func mayBeSecret(key []byte) bool {
	n := len(key)
	if n == 0 || n >= len(secretLetters) {
		return false
	}
	of := &secretLetters[n][key[0]&31]
	if of.last>>(key[n-1]&31)&1 == 0 || of.middle>>(key[n/2]&31)&1 == 0 {
		return false
	}
	return secretKeys[strings.ToLower(string(key))]
}

// hints are parts of those names: a record without any of them holds no secret.
var hints = [][]byte{[]byte("oken\""), []byte("ecret"), []byte("assword\""), []byte("aterial\""), []byte("rivateKey"), []byte("ssertion\"")}

// redactedBy begins what stands for a secret.
const redactedBy = "redacted:sha256:"

// redacted is what stands for a secret: equal secrets stay equal.
func redacted(s string) string {
	sum := sha256.Sum256([]byte(s))
	return redactedBy + hex.EncodeToString(sum[:])
}

// redact replaces the text of secret members by "redacted:sha256:<hex>" and leaves every other
// byte as it is.
func redact(raw []byte) []byte {
	hit := false
	for _, h := range hints {
		if bytes.Contains(raw, h) {
			hit = true
			break
		}
	}
	if !hit {
		return raw
	}
	var out []byte
	done := 0
	for i := 0; i < len(raw); {
		next := bytes.IndexByte(raw[i:], '"')
		if next < 0 {
			break
		}
		i += next
		end := stringEnd(raw, i)
		if end < 0 {
			break
		}
		key := raw[i+1 : end]
		j := skipSpace(raw, end+1)
		i = end + 1
		if j >= len(raw) || raw[j] != ':' || len(key) > 40 || !secretKeys[strings.ToLower(string(key))] {
			continue
		}
		v := skipSpace(raw, j+1)
		if v >= len(raw) || raw[v] != '"' {
			continue
		}
		vEnd := stringEnd(raw, v)
		if vEnd < 0 {
			break
		}
		val := raw[v+1 : vEnd]
		i = vEnd + 1
		if len(val) == 0 || bytes.HasPrefix(val, []byte(redactedBy)) || bytes.Equal(val, []byte("HIDDEN_DUE_TO_SECURITY_REASONS")) || bytes.Equal(val, []byte("****")) {
			continue
		}
		out = append(out, raw[done:v+1]...)
		out = append(out, redacted(string(val))...)
		done = vEnd
	}
	if done == 0 {
		return raw
	}
	return append(out, raw[done:]...)
}

// stringEnd is where the string that begins at i ends, -1 if it does not.
func stringEnd(raw []byte, i int) int {
	for j := i + 1; j < len(raw); {
		k := bytes.IndexByte(raw[j:], '"')
		if k < 0 {
			return -1
		}
		k += j
		n := 0
		for k-1-n > i && raw[k-1-n] == '\\' {
			n++
		}
		if n%2 == 0 {
			return k
		}
		j = k + 1
	}
	return -1
}

func skipSpace(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\t' || raw[i] == '\n' || raw[i] == '\r') {
		i++
	}
	return i
}
