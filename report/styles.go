package report

import _ "embed"

// styles are the page's only looks. Colours carry no meaning of their own: every state is a word too.
//
//go:embed styles.css
var styles string
