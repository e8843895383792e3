package api

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// Raw is JSON that is passed on as it is; empty is null.
type Raw string

// MarshalJSON gives the bytes.
func (r Raw) MarshalJSON() ([]byte, error) {
	if r == "" {
		return []byte("null"), nil
	}
	return []byte(r), nil
}

// UnmarshalJSON keeps the bytes. They were read by the strict decoder already.
func (r *Raw) UnmarshalJSON(b []byte) error {
	*r = Raw(slices.Clone(b))
	return nil
}

// Schema says that any JSON can stand here.
func (Raw) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Description: "any JSON"} }
