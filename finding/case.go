package finding

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
)

// CaseID names the case of this finding: all versions of it, received in any shape from
// any account, have the same. It is twelve hex digits of sha256(account|region|id).
func (f Finding) CaseID() string {
	sum := sha256.Sum256([]byte(string(f.Account) + "|" + f.Region + "|" + f.ID))
	return hex.EncodeToString(sum[:])[:12]
}

// Band is AWS's word for the severity of this finding: Low (1.0-3.9), Medium (4.0-6.9),
// High (7.0-8.9), Critical (9.0-10.0), or "" when the finding carries no such number.
// Source: Amazon GuardDuty User Guide, "Severity levels of GuardDuty findings".
func (f Finding) Band() string {
	switch tenths := math.Round(f.Severity * 10); { // 6.95 is read as the 7.0 that a reader sees
	case !(tenths >= 10 && tenths <= 100):
		return ""
	case tenths < 40:
		return "Low"
	case tenths < 70:
		return "Medium"
	case tenths < 90:
		return "High"
	default:
		return "Critical"
	}
}
