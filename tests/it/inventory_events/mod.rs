//! Product events of inventories: what customers have is the fold of the distinct events, whatever happens on the way.

mod drifting;
mod expiring;
mod feed;
mod forgetting;
mod fresh;
mod killed;
mod losing;
mod oracle;
mod seam;
mod sharing;
mod shelf;
mod taking_in;
