CREATE TABLE "local_chat_messages" (
	"id" text PRIMARY KEY NOT NULL,
	"channel" text NOT NULL,
	"root" text,
	"key" text NOT NULL,
	"content" text NOT NULL,
	"version" bigint NOT NULL,
	"posted_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "local_chat_messages" ADD CONSTRAINT "local_chat_messages_root_local_chat_messages_id_fk" FOREIGN KEY ("root") REFERENCES "public"."local_chat_messages"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "local_chat_messages_posted_under_key" ON "local_chat_messages" USING btree ("key");--> statement-breakpoint
CREATE UNIQUE INDEX "local_chat_messages_newer_than_version" ON "local_chat_messages" USING btree ("version");--> statement-breakpoint
CREATE INDEX "local_chat_messages_in_thread" ON "local_chat_messages" USING btree ("root");