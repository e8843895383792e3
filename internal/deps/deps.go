// Package deps holds no code of the product: its tests keep the shape of the program, its budgets and
// its list of dependencies, each rule with the reason beside it.
package deps
