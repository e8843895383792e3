package servertest

import "strings"

// Attacks are texts that somebody hopes will run, hide, deceive or break a page where they are shown.
// Whatever takes a text takes each of them or refuses it; no page may do more than show it.
func Attacks() []string {
	return []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `javascript:alert(1)`, `</textarea><script>alert(1)</script>`,
		`<!-- end of what is decided -->`, `<svg/onload=alert(1)>`, `{{7*7}}${7*7}`, `</title><script>alert(1)</script>`, "a\u200bb\u00adc\ufeffd", "back\u2060wards",
		`<div id="matter" class="stack">`, `<style>*{display:none}</style>`, `<a href="javascript:alert(1)">x</a>`, `[x](javascript:alert(1))`, `![x](https://elsewhere.example/x.png)`,
		`"><link rel=stylesheet href=https://elsewhere.example/x.css>`, `<meta http-equiv=refresh content="0;url=https://elsewhere.example/">`, `<base href="https://elsewhere.example/">`,
		`<iframe srcdoc="<script>parent.alert(1)</script>"></iframe>`, `"autofocus onfocus="alert(1)`, `<input name=seen value=x><button formaction=javascript:alert(1)>Approve</button>`,
		`<form id=approve action=https://elsewhere.example/><input type=submit>`, `" hx-get="https://elsewhere.example/" hx-trigger="load" x="`, `<p data-hx-get=/logout data-hx-trigger=load hx-on:load=alert(1)>`,
		`<https://elsewhere.example/\" onclick=alert(1)>`, `<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `<math><mtext></p><style><!--</style><img title="--><img src=x onerror=alert(1)>">`,
		`=HYPERLINK("https://elsewhere.example/","x")`, "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627", "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a\u032f\u031e\u0320\u034dA",
		"\u3164\u2800", "\U0001f468\u200d\U0001f469\u200d\U0001f467", strings.Repeat("W", 190), strings.Repeat("\ufdfd", 60),
	}
}

// Turned are further such texts, which turn the direction of reading, take several lines or cannot be seen
// at all. A line refuses them; a text of several lines, such as a justification, takes and shows them.
func Turned() []string {
	return []string{"```html\n<script>alert(1)</script>\n```", "\u202egpj.exe\u202c abc", "\u2067\u05d0\u05d1\u05d2 CHG-1 approved\u2069", "\U000e0041\U000e0042 tags",
		"*\u202e*<img src=x onerror=alert(1)>", "a\n\n    <script>alert(1)</script>\n\n<div onclick=alert(1)>", "[x]\n\n[x]: javascript:alert(1)", "\u2028<script>alert(1)</script>\u2029"}
}
