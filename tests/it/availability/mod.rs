//! What can be had: evidence, its end, its use, what changed since, and many who ask the same at once.

mod evidence;
mod on_the_engine;
mod recheck;
mod stampede;
mod unknown;
