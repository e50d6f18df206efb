package finding

// readSequence reads service.detection.sequence, nil when there is none.
func readSequence(n node) *Sequence {
	if !n.present() {
		return nil
	}
	s := &Sequence{UID: n.at("uid").text(), Description: n.at("description").text()}
	for _, a := range n.at("actors").list() {
		s.Actors = append(s.Actors, SequenceActor{
			ID:           a.at("id").text(),
			UserName:     a.at("user", "name").text(),
			UserUID:      a.at("user", "uid").text(),
			UserType:     a.at("user", "type").text(),
			Account:      AccountID(a.at("user", "account", "uid").text()),
			CredentialID: a.at("user", "credentialUid").text(),
			SessionUID:   a.at("session", "uid").text(),
			MFA:          a.at("session", "mfaStatus").text(),
			Issuer:       a.at("session", "issuer").text(),
		})
	}
	for _, e := range n.at("endpoints").list() {
		text := first(e.at("ip").text(), e.at("domain").text())
		s.Endpoints = append(s.Endpoints, Remote{
			IP:      parseAddr(e.at("ip").text()),
			Text:    text,
			Country: e.at("location", "country").text(),
			City:    e.at("location", "city").text(),
			ASN:     e.at("autonomousSystem", "number").text(),
			ASNOrg:  e.at("autonomousSystem", "name").text(),
		})
	}
	for _, g := range n.at("signals").list() {
		s.Signals = append(s.Signals, Signal{
			UID:          g.at("uid").text(),
			Type:         g.at("type").text(),
			Name:         g.at("name").text(),
			Description:  g.at("description").text(),
			Severity:     g.at("severity").number(),
			Created:      g.at("createdAt").time(),
			FirstSeen:    g.at("firstSeenAt").time(),
			LastSeen:     g.at("lastSeenAt").time(),
			Count:        g.at("count").whole(),
			ActorIDs:     g.at("actorIds").texts(),
			ResourceUIDs: g.at("resourceUids").texts(),
		})
	}
	for _, i := range n.at("sequenceIndicators").list() {
		s.Indicators = append(s.Indicators, Indicator{Key: i.at("key").text(), Title: i.at("title").text(), Values: i.at("values").texts()})
	}
	for _, r := range n.at("resources").list() {
		if uid := r.at("uid").text(); uid != "" {
			s.Resources = append(s.Resources, uid)
		}
	}
	return s
}
