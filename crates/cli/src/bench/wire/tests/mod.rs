//! The protocol against servers that are made of frames, and against `h2`.

mod calls;
mod faults;
mod fuzz;
mod heads;
mod real;
mod stage;
mod windows;
