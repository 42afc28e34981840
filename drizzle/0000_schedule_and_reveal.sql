CREATE TABLE "schedule_slot" (
	"job" text NOT NULL,
	"slot" bigint NOT NULL,
	"at" bigint NOT NULL,
	CONSTRAINT "schedule_slot_job_slot_pk" PRIMARY KEY("job","slot")
);
--> statement-breakpoint
CREATE TABLE "reveal" (
	"token_hash" text PRIMARY KEY NOT NULL,
	"grant_id" text NOT NULL,
	"identity_id" text NOT NULL,
	"expires_at" bigint NOT NULL,
	"used_at" bigint
);
--> statement-breakpoint
CREATE INDEX "reveal_by_expiry" ON "reveal" USING btree ("expires_at");