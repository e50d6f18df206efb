package config

import (
	"fmt"
	"strings"
)

// ReportLanguage chooses the language of reports: the flag --lang, then the configuration, then
// the environment (LC_ALL, LC_MESSAGES, LANG, as POSIX orders them), then English.
func (c Config) ReportLanguage(flag string, getenv func(string) string) (string, error) {
	switch flag {
	case "ja", "en":
		return flag, nil
	case "":
	default:
		return "", fmt.Errorf("--lang is ja or en, not %q", flag)
	}
	if c.Language != "" {
		return c.Language, nil
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(name); v != "" {
			if lang, _, _ := strings.Cut(v, "."); lang == "ja" || strings.HasPrefix(lang, "ja_") {
				return "ja", nil
			}
			return "en", nil
		}
	}
	return "en", nil
}
