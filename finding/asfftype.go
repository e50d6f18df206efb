package finding

import (
	"strings"
	"sync"
)

// typeOfASFF is the GuardDuty type of a Security Hub finding. Security Hub's names for
// the types follow no rule ("TTPs/Discovery/Recon:EC2-Portscan", "TTPs/PenTest:IAMUser/KaliLinux",
// "TTPs/DefenseEvasion/EC2:Unusual-DNS-Resolver"), so AWS's table decides. What is not
// in it is compared without punctuation, and at last translated by the commonest habit.
func typeOfASFF(types []string) Type {
	const longest = 300 // GuardDuty's own names have up to 100 characters, and their categories are short
	table := asffTable()
	for _, s := range types {
		if t, ok := table.exact[s]; ok {
			return t
		}
	}
	for _, s := range types {
		if len(s) > longest {
			continue
		}
		for suffix := s; ; {
			if t, ok := table.folded[foldType(suffix)]; ok {
				return t
			}
			_, rest, more := strings.Cut(suffix, "/")
			if !more {
				break
			}
			suffix = rest
		}
	}
	if len(types) == 0 {
		return ""
	}
	return guessType(types[0])
}

// guessType translates "TTPs/Tactic/Tactic:Resource-Technique.B" for a type that nobody knows yet.
func guessType(s string) Type {
	colon := strings.IndexByte(s, ':')
	if colon < 0 { // "TTPs/Discovery/IAMUser-AnomalousBehavior"
		parts := strings.Split(s, "/")
		if len(parts) < 2 {
			return Type(s)
		}
		s = strings.ReplaceAll(parts[len(parts)-2], " ", "") + ":" + parts[len(parts)-1]
		colon = strings.IndexByte(s, ':')
	}
	start := strings.LastIndexByte(s[:colon], '/') + 1
	tactic, rest := s[start:colon], s[colon+1:]
	if !strings.Contains(rest, "/") {
		rest = strings.Replace(rest, "-", "/", 1)
	}
	return Type(tactic + ":" + rest)
}

// foldType is a type with nothing but its letters and digits, in lower case. It keeps
// the types of the catalogue apart.
func foldType(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// An asffIndex finds types by Security Hub's names.
type asffIndex struct {
	exact  map[string]Type // by the table's name
	folded map[string]Type // by the type's own name, folded
}

var asffTable = sync.OnceValue(func() asffIndex {
	x := asffIndex{exact: map[string]Type{}, folded: map[string]Type{}}
	for _, i := range catalogue {
		for _, name := range i.ASFFTypes {
			x.exact[name] = i.Type
		}
		x.exact[string(i.Type)] = i.Type
		x.folded[foldType(string(i.Type))] = i.Type
	}
	return x
})
