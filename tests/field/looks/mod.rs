//! What `info`, `lag` and `groups` say while a figure is unknown, a bound, or was set by hand: alerts, room, forecasts.

mod lag;
mod model;
mod room;
mod scale;
mod scene;
mod standing;
mod thresholds;
