-- Who may do what. Applied at every `migrate`; left out on a server where our roles do not exist.
grant select, insert on event, event_pending, private_text to countersign_app;
grant select, insert, update on stream_head to countersign_app;
grant select on log, leaf, tile, checkpoint, witness_receipt, quarantine to countersign_app;
grant select, insert, update on grant_state, identity_lock, notice, announced to countersign_app;
grant select, insert, update on where_to_tell to countersign_app;
grant select, insert on thread_line to countersign_app;
grant select, insert, update on thread_root to countersign_app;
grant select, insert, update on directory_head, directory_entry, link_code to countersign_app;
grant select, insert, delete on link_try to countersign_app;
grant select, insert, update on finding_state to countersign_app;
grant select, insert, update on activity_cursor to countersign_app;
grant select, insert on act to countersign_app;
grant select, insert, delete on schedule_slot to countersign_app;
grant select, insert, delete, update (used_at) on reveal to countersign_app;
grant select, insert, delete, update (used_at) on passkey_link to countersign_app;
grant select, insert, update on passkey_state to countersign_app;
grant select, insert, update on local_chat_messages to countersign_app;
grant select, insert, update, delete on slack_message, slack_limit, slack_turn to countersign_app;
grant select, insert, update, delete on teams_message to countersign_app;
grant select, insert, update on teams_conversation to countersign_app;

grant select on event, stream_head to countersign_sealer;
grant select, delete on event_pending to countersign_sealer;
grant select, insert on log, leaf, checkpoint, witness_receipt, quarantine to countersign_sealer;
grant select, insert, update on tile to countersign_sealer;
grant execute on function erase_texts(bytea) to countersign_app;
grant execute on function prune_streams(bytea) to countersign_app;
grant delete on grant_state, notice, announced, act to countersign_app;
