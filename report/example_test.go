package report_test

import (
	"fmt"

	"uratori/report"
)

// Text from a log is shown for what it is, and can be read back exactly.
func ExampleVisible() {
	fmt.Println(report.Visible("invoice\u202efdp.exe\n"))
	fmt.Println(report.Visible(`C:\Users`))
	// Output:
	// invoice\u{202E}fdp.exe\u{A}
	// C:\\Users
}

// A text that is cut says how much is missing.
func ExampleCut() {
	fmt.Println(report.Cut("an object key that goes on and on", 13))
	// Output:
	// an object key\…{20}
}
