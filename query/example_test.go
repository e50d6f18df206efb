package query_test

import (
	"fmt"

	"uratori/query"
)

// A question is text that a person writes, and data that is checked before anybody is asked.
func ExampleParse() {
	q, err := query.Parse(`cloudtrail from 2025-09-09T00:00:00Z to 2025-09-10T00:00:00Z
		where access_key = "ASIAEXAMPLE" and error_code exists
		group by event_name compute count() as n order by n desc limit 10`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(query.Check(q))
	fmt.Println(q)
	// Output:
	// <nil>
	// cloudtrail from 2025-09-09T00:00:00Z to 2025-09-10T00:00:00Z where access_key = "ASIAEXAMPLE" and error_code exists group by event_name compute count() as n order by n desc limit 10
}

// A mistake is shown where it stands.
func ExampleParse_mistake() {
	_, err := query.Parse(`cloudtrail from 2025-09-09T00:00:00Z to 2025-09-10T00:00:00Z where acces_key = "ASIA" select event_name limit 1`)
	fmt.Println(err)
	// Output:
	// 1:68: cloudtrail has no field "acces_key"; did you mean "access_key"?; other values of the record are written raw:path.to.value
	//     cloudtrail from 2025-09-09T00:00:00Z to 2025-09-10T00:00:00Z where acces_key = "ASIA" select event_name limit 1
	//                                                                        ~~~~~~~~~
}

// A parameter is bound to a whole value: what is bound can never become part of the question.
func ExampleBindExpr() {
	e, err := query.ParseExpr(query.CloudTrail, `user_name = $name and event_name in $names`)
	if err != nil {
		fmt.Println(err)
		return
	}
	bound, err := query.BindExpr(e, map[string]query.Value{
		"name":  query.TextOf(`x" or user_name exists`),
		"names": query.SetOf([]query.Value{query.TextOf("GetObject"), query.TextOf("PutObject")}, false),
	})
	fmt.Println(bound, err)
	// Output:
	// user_name = "x\" or user_name exists" and event_name in ("GetObject", "PutObject") <nil>
}
