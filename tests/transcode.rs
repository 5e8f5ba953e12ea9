//! The REST door, with services of the test's own behind it.

mod bodies;
mod cases;
mod errors;
mod routing;
mod rules;
mod stub;
mod total;
