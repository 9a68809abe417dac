# Sidekiq's application: what its worker loads, and its driver too.
require "sidekiq"

# Debian pairs Sidekiq 6.4 with a redis-rb that warns at each SADD.
Redis.silence_deprecations = true if Redis.respond_to?(:silence_deprecations=)
Redis.sadd_returns_boolean = false if Redis.respond_to?(:sadd_returns_boolean=)

ADDRESS = { url: ENV.fetch("BENCH_REDIS_URL") }
Sidekiq.configure_client { |config| config.redis = ADDRESS }
Sidekiq.configure_server { |config| config.redis = ADDRESS }
Sidekiq.logger.level = Logger.const_get(ENV["BENCH_SIDEKIQ_LOG"]) if ENV["BENCH_SIDEKIQ_LOG"]

class Noop
  include Sidekiq::Worker

  def perform(number) = nil
end

class Stamp
  include Sidekiq::Worker

  def perform(since, path)
    seconds = Process.clock_gettime(Process::CLOCK_REALTIME) - since
    File.write(path, "#{seconds} #{Process.pid}\n", mode: "a")
  end
end
