-- Countersign may not read the log, or not any more: its evidence says `activity: not collected`.
drop function if exists jit.activity(text, bigint, bigint, integer, text, bigint, integer), jit.activity_off(), jit.log_files(),
  jit.log_path(text), jit.is_raised(bytea), jit.log_mark(text, bigint, integer);
