//! Keeps one pair in step: observe, plan, guard, execute, record.
