package reconcile

// Refresh is refresh, for what cannot be interleaved from outside.
var Refresh = refresh
