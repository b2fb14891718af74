import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { type Attributes, SpanStatusCode, trace } from '@opentelemetry/api';
import { SessionService } from '../services/sessions/session.service.js';
import { onTelemetry } from '../telemetry/channels.js';
import type { ActMessage, CheckMessage } from '../telemetry/messages.js';
import { checkTracingOptions, TRACING_OPTIONS, type SessionTracingOptions } from './tracing-options.js';

const TRACER = '@latchkey/session';

interface FinishedSpan {
  readonly name: string;
  readonly attributes: Attributes;
  readonly durationMs: number;
  readonly isError: boolean;
}

/** Makes a span of each check and each act of one `SessionModule`, when it is over: as a child of the span that is active. */
@Injectable()
export class SessionSpans implements OnModuleDestroy {
  private readonly stops: readonly (() => void)[];
  private readonly hasUserRef: boolean;

  constructor(
    @Inject(TRACING_OPTIONS) options: SessionTracingOptions,
    private readonly sessions: SessionService,
  ) {
    this.hasUserRef = checkTracingOptions(options).userRef;
    this.stops = [
      onTelemetry('latchkey.check', (message) => {
        // No request is behind it: it would be a trace of its own, for every connection and every half minute.
        if (message.context !== 'recheck') this.record(message, this.ofCheck(message));
      }),
      onTelemetry('latchkey.act', (message) => this.record(message, this.ofAct(message))),
    ];
  }

  onModuleDestroy(): void {
    for (const stop of this.stops) stop();
  }

  private ofCheck({ context, decision, reason, durationMs }: CheckMessage): FinishedSpan {
    const attributes = {
      'latchkey.context': context,
      'latchkey.decision': decision,
      ...(reason === undefined ? {} : { 'latchkey.reason': reason }),
    };
    return { name: 'latchkey.check', attributes, durationMs, isError: decision === 'error' };
  }

  private ofAct({ act, outcome, durationMs, receipt }: ActMessage): FinishedSpan {
    const attributes = {
      'latchkey.act': act,
      'latchkey.outcome': outcome,
      ...(receipt && {
        'latchkey.nodes.confirmed': receipt.nodes.confirmed,
        'latchkey.nodes.expired': receipt.nodes.expired,
        'latchkey.connections_closed': receipt.connectionsClosed,
      }),
    };
    return { name: `latchkey.act ${act}`, attributes, durationMs, isError: outcome !== 'ok' };
  }

  private record(
    message: CheckMessage | ActMessage,
    { name, durationMs, isError, ...span }: FinishedSpan,
  ): void {
    const { realm } = this.sessions;
    if (message.realm !== realm) return;
    const endTime = Date.now();
    const pseudonym = this.hasUserRef ? message.userRef : undefined;
    const attributes = {
      ...span.attributes,
      'latchkey.realm': realm.name,
      ...(pseudonym === undefined ? {} : { 'enduser.pseudo.id': pseudonym }),
    };
    const made = trace.getTracer(TRACER).startSpan(name, { startTime: endTime - durationMs, attributes });
    if (isError) made.setStatus({ code: SpanStatusCode.ERROR });
    made.end(endTime);
  }
}
