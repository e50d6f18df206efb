package evidence

// outcomeNames are the outcomes as they stand in reports and bundles.
var outcomeNames = [...]string{
	Found: "Found", Empty: "Empty", Truncated: "Truncated", NotCollected: "NotCollected", NotYet: "NotYet",
	NotAsked: "NotAsked", Denied: "Denied", Throttled: "Throttled", Failed: "Failed",
}

// String is the outcome's name, such as "NotCollected"; "" for none.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return ""
}

// OutcomeNamed is the outcome of that name.
func OutcomeNamed(name string) (Outcome, bool) {
	for o, n := range outcomeNames {
		if n == name && n != "" {
			return Outcome(o), true
		}
	}
	return 0, false
}

// String is the state's name: "Collected", "NotCollected" or "Unknown".
func (s State) String() string {
	switch s {
	case Collected:
		return "Collected"
	case NotCollectedState:
		return "NotCollected"
	case Unknown:
		return "Unknown"
	default:
		return "Unknown"
	}
}

// StateNamed is the state of that name.
func StateNamed(name string) (State, bool) {
	for _, s := range []State{Unknown, Collected, NotCollectedState} {
		if s.String() == name {
			return s, true
		}
	}
	return Unknown, false
}
