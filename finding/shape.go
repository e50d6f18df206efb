package finding

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

func (s Shape) String() string {
	switch s {
	case GetFindings:
		return "GetFindings"
	case Export:
		return "Export"
	case EventBridge:
		return "EventBridge"
	case ASFF:
		return "ASFF"
	case OCSF:
		return "OCSF"
	default:
		return "Shape(0)"
	}
}

// receivedKey is the one member that a canonical document has and GuardDuty does not:
// the shape it came in, and what that shape carried around the finding.
const receivedKey = "received"

// read makes a finding of one decoded document, whatever its shape.
func read(v any) (Finding, error) {
	doc, ok := v.(map[string]any)
	if !ok {
		return Finding{}, errNotObject
	}
	var canon map[string]any
	var err error
	shape := shapeOf(doc)
	switch shape {
	case EventBridge:
		canon, err = fromEvent(doc)
	case ASFF:
		canon, err = fromASFF(doc)
	case OCSF:
		canon, err = fromOCSF(doc)
	case GetFindings, Export:
		canon, err = canonical(doc)
	default:
		return Finding{}, notAFinding(doc)
	}
	if err != nil {
		return Finding{}, err
	}
	if was, ok := canonicalShape(canon); ok {
		shape = was
	} else if err := keepReceived(canon, shape, doc); err != nil {
		return Finding{}, err
	}
	if depth(canon) > maxDepth {
		return Finding{}, fmt.Errorf("nested deeper than %d levels; no finding is", maxDepth)
	}
	f := extract(canon)
	f.Shape = shape
	if f.ID == "" || f.Type == "" {
		return Finding{}, notAFinding(doc)
	}
	return f, nil
}

// shapeOf tells the shape of a document by members that only that shape has; 0 is none.
func shapeOf(doc map[string]any) Shape {
	has := func(names ...string) bool {
		for _, n := range names {
			if _, ok := doc[n]; !ok {
				return false
			}
		}
		return true
	}
	class := node{doc["class_uid"]}.text()
	_, event := doc["detail"].(map[string]any)
	switch {
	case has("type", "id", receivedKey): // our own print, whatever else it holds
		return Export
	case class == "2004":
		return OCSF
	case has("AwsAccountId", "Types"), has("ProductArn", "Types"):
		return ASFF
	case event:
		return EventBridge
	case has("Type", "Id"):
		return GetFindings
	case has("type", "id"):
		return Export
	default:
		return 0
	}
}

// notAFinding says what the document lacks, and names the likely mistakes.
func notAFinding(doc map[string]any) error {
	switch {
	case node{doc["class_uid"]}.text() != "":
		return fmt.Errorf("this is OCSF of class %.20q, no GuardDuty finding; findings are class 2004 (Detection Finding) of the product GuardDuty", node{doc["class_uid"]}.text())
	case doc["FindingIds"] != nil || doc["findingIds"] != nil:
		return errors.New("this is the answer of ListFindings, which holds only ids; give the answer of GetFindings")
	case doc["detail"] != nil:
		return fmt.Errorf("this is an event, but its detail is no GuardDuty finding: it has no %q and %q; give events whose detail-type is \"GuardDuty Finding\"", "type", "id")
	}
	var names []string
	for _, n := range slices.Sorted(maps.Keys(doc)) {
		if len(names) == 5 {
			names = append(names, "...")
			break
		}
		names = append(names, fmt.Sprintf("%.40q", n))
	}
	has := "it is empty"
	if len(names) > 0 {
		has = "it has " + strings.Join(names, ", ")
	}
	return fmt.Errorf("this is JSON but no GuardDuty finding: no %q and %q (%s); give a finding as GetFindings, EventBridge, S3 export or Security Hub writes it", "type", "id", has)
}

// keepReceived notes in canon how the finding arrived, with the parts of doc that have no place in a finding.
func keepReceived(canon map[string]any, shape Shape, doc map[string]any) error {
	if _, taken := canon[receivedKey]; taken {
		return fmt.Errorf("the finding has a member %q, which is kept for ourselves; remove it", receivedKey)
	}
	got := map[string]any{"shape": shape.String()}
	switch shape {
	case EventBridge:
		envelope := maps.Clone(doc)
		delete(envelope, "detail")
		got["envelope"] = withoutNulls(envelope)
	case ASFF, OCSF:
		got["document"] = withoutNulls(doc)
	case GetFindings, Export:
	}
	canon[receivedKey] = got
	return nil
}

// canonicalShape reads the note of keepReceived back.
func canonicalShape(canon map[string]any) (Shape, bool) {
	name := node{canon}.at(receivedKey, "shape").text()
	for s := GetFindings; s <= OCSF; s++ {
		if s.String() == name {
			return s, true
		}
	}
	return 0, false
}

// fromEvent takes the finding out of an EventBridge event. The event's own account
// and region stay with the envelope: they are where it was emitted.
func fromEvent(doc map[string]any) (map[string]any, error) {
	detail, ok := doc["detail"].(map[string]any)
	if !ok {
		return nil, notAFinding(doc)
	}
	if shape := shapeOf(detail); shape != GetFindings && shape != Export {
		return nil, notAFinding(doc)
	}
	return canonical(detail)
}
